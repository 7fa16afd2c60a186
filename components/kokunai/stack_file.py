"""Reads what a stack file says and reports every mistake at once, each with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import consistency, model, yaml_reader
from kokunai.errors import KokunaiError
from kokunai.problems import translated

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai.errors import Problem

KEY = "kokunai:environment"


def read_file(path: Path) -> model.Environment:
    """Environment of a stack file. Raises KokunaiError naming the file and every mistake."""
    try:
        content = yaml_reader.read(path)
    except OSError as error:
        raise KokunaiError(
            ja=f"{path} を読めません: {error.strerror}", en=f"cannot read {path}: {error.strerror}"
        ) from None
    except yaml_reader.NotYaml as error:
        raise KokunaiError(
            ja=f"{path} は YAML として読めません: {error}", en=f"{path} is not YAML: {error}"
        ) from None
    raw = _environment_of(content, path)
    if yaml_reader.holds_key(raw, "secure"):
        raise secret_refusal(f"{path}: config")
    return read(raw, where=f"{path}: config")


def _environment_of(content: Any, path: Path) -> Any:
    config = content.get("config") if isinstance(content, dict) else None
    if isinstance(config, dict) and KEY in config:
        return config[KEY]
    raise missing(str(path))


def missing(file: str) -> KokunaiError:
    """The refusal of a stack file that says nothing of an environment."""
    return KokunaiError(
        ja=f"{file} に config の下の {KEY} がありません。kokunai schema で書き方を確認できます",
        en=f"{file} lacks {KEY} below config; `kokunai schema` prints what it may hold",
    )


def secret_refusal(where: str = "config") -> KokunaiError:
    """The refusal of a secret below the environment, which becomes plain inputs and state."""
    return KokunaiError(
        ja=f"{where}.{KEY} の中に秘密情報 (secure) は書けません。ステートに平文で残るためです。"
        "秘密にできるもの: kokunai:sakuraAccessToken、kokunai:sakuraAccessTokenSecret、"
        "kokunai:packageSourceCredentials",
        en=f"{where}.{KEY} must hold no secret (secure): it would stand in the state in clear; "
        "what can be secret: kokunai:sakuraAccessToken, kokunai:sakuraAccessTokenSecret, "
        "kokunai:packageSourceCredentials",
    )


def read(raw: Any, *, where: str = "config") -> model.Environment:
    """Environment from plain data. Raises KokunaiError with every mistake, sorted by path."""
    problems: list[Problem] = []
    environment = None
    try:
        environment = model.Environment.model_validate(raw)
    except ValidationError as error:
        problems += translated(error, model.Environment)
    problems += consistency.problems(raw)
    if problems or environment is None:
        raise _refusal(problems, where)
    return environment


def _refusal(problems: list[Problem], where: str) -> KokunaiError:
    ordered = sorted(set(problems))

    def lines(language: str) -> str:
        return "\n".join(f"  {_place(where, row)}: {getattr(row, language)}" for row in ordered)

    return KokunaiError(
        ja=f"スタックファイルに {len(ordered)} 件の誤りがあります。\n{lines('ja')}",
        en=f"{len(ordered)} mistake(s) in the stack file:\n{lines('en')}",
    )


def _place(where: str, problem: Problem) -> str:
    return ".".join(part for part in (where, KEY, problem.path) if part)
