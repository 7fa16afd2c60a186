"""Reads what a stack file says and reports every mistake at once, each with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import capacity, consistency, model, yaml_reader
from kokunai.errors import KokunaiError
from kokunai.problems import translated

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai.errors import Problem

KEY = "kokunai:environment"
HOST_SECRETS = {"packageSourceCredentials": "base_package_source_credentials"}
"""Secret configuration keys that reach hosts, and the variables they become."""


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
        raise secret_refusal(f"{path}: config.{KEY}")
    return read(raw, where=f"{path}: config")


def _environment_of(content: Any, path: Path) -> Any:
    config = content.get("config") if isinstance(content, dict) else None
    if isinstance(config, dict) and KEY in config:
        return config[KEY]
    raise missing(str(path))


def missing(file: str, key: str = KEY) -> KokunaiError:
    """The refusal of a stack file that lacks what it is read for."""
    return KokunaiError(
        ja=f"{file} に config の下の {key} がありません。kokunai schema で書き方を確認できます",
        en=f"{file} lacks {key} below config; `kokunai schema` prints what it may hold",
    )


def secret_refusal(key: str) -> KokunaiError:
    """The refusal of a secret where everything becomes plain inputs and state."""
    allowed = [f"kokunai:{name}" for name in secret_keys()]
    return KokunaiError(
        ja=f"{key} の中に秘密情報 (secure) は書けません。ステートに平文で残るためです。"
        f"秘密にできるもの: {'、'.join(allowed)}",
        en=f"{key} must hold no secret (secure): it would stand in the state in clear; "
        f"what can be secret: {', '.join(allowed)}",
    )


def secret_keys() -> tuple[str, ...]:
    """Configuration keys whose values are secrets: those of the sellers and those for hosts."""
    return (*capacity.secret_inputs(), *HOST_SECRETS)


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
        raise refusal_of(problems, f"{where}.{KEY}", "スタックファイルに", " in the stack file")
    return environment


def refusal_of(
    problems: list[Problem], where: str, in_ja: str = "", in_en: str = "", *, below: str = ""
) -> KokunaiError:
    """One error for every problem, sorted by path; `where` stands for the path `below`."""
    ordered = sorted(set(problems))

    def lines(language: str) -> str:
        return "\n".join(
            f"  {_place(where, problem.path.removeprefix(below))}: {getattr(problem, language)}"
            for problem in ordered
        )

    return KokunaiError(
        ja=f"{in_ja} {len(ordered)} 件の誤りがあります。\n{lines('ja')}".lstrip(),
        en=f"{len(ordered)} mistake(s){in_en}:\n{lines('en')}",
    )


def _place(where: str, path: str) -> str:
    return ".".join(part for part in (where, path.removeprefix(".")) if part)
