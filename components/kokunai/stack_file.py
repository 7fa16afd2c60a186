"""Reads stack files and reports every mistake at once, each with its path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import capacity, model, yaml_reader
from kokunai.errors import KokunaiError, Mistakes, Problem, path_step
from kokunai.problems import PLAIN_DECIMAL, translated
from kokunai.validation import consistency

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kokunai.input_method import LookAlike

KEY = "kokunai:environment"
SETTINGS_KEY = "kokunai:settings"
_MOST_SHOWN = 10
"""Characters of an input method that one message names."""
HOST_SECRETS = {"packageSourceCredentials": "base_package_source_credentials"}
"""Secret configuration keys that reach hosts, and the variables they become."""


def read_file(path: Path) -> model.Settings:
    """What a stack file says: an `Environment`, or the `Settings` of a program of one's own.

    Raises KokunaiError naming the file and every mistake.
    """
    config = _config_of(path)
    key = KEY if KEY in config or SETTINGS_KEY not in config else SETTINGS_KEY
    if key not in config:
        blamed = _look_alikes_refused(path, yaml_reader.first_look_alikes(path))
        raise blamed or missing(str(path))
    if yaml_reader.holds_key(config[key], "secure"):
        raise secret_refusal(f"{path}: config.{key}")
    _refuse_look_alikes(path)
    where = f"{path}: config"
    return (
        read(config[key], where=where)
        if key == KEY
        else read_settings(config[key], f"{where}.{key}")
    )


def _refuse_look_alikes(path: Path) -> None:
    """Named before anything else, because what follows would blame other places."""
    found = yaml_reader.look_alikes(path, (KEY, SETTINGS_KEY))
    if refused := _look_alikes_refused(path, found):
        raise refused


def _look_alikes_refused(path: Path, found: list[LookAlike]) -> KokunaiError | None:
    shown = found[:_MOST_SHOWN]
    if not shown:
        return None
    return Mistakes(
        [Problem("", row.ja, row.en) for row in shown],
        ja="\n".join(f"{path}: {row.ja}" for row in shown),
        en="\n".join(f"{path}: {row.en}" for row in shown),
    )


def refuse_other_reading(written: Any, key: str, value: Any) -> None:
    """Raises KokunaiError where the engine read a number in what is text to everybody else.

    `written` is the stack file as `yaml_reader` reads it, `value` what the engine made of the key:
    08 and 1_000 are numbers to it. Another file than the one that was used has other texts.
    """
    config = written.get("config") if isinstance(written, dict) else None
    ours = config.get(key) if isinstance(config, dict) else None
    problems = [Problem(path, *PLAIN_DECIMAL) for path in _numbers_from_text(ours, value, "")]
    if problems:
        raise refusal_of(problems, f"config.{key}", "スタックファイルに", " in the stack file")


def _numbers_from_text(ours: Any, value: Any, path: str) -> Iterator[str]:
    """Paths at which we read text and the engine a number."""
    if isinstance(ours, dict) and isinstance(value, dict):
        for name in ours.keys() & value.keys():
            yield from _numbers_from_text(ours[name], value[name], path + path_step(name))
    elif isinstance(ours, list) and isinstance(value, list):
        for index, (mine, other) in enumerate(zip(ours, value, strict=False)):
            yield from _numbers_from_text(mine, other, path + path_step(index))
    elif isinstance(ours, str) and type(value) in {int, float}:
        yield path


def _config_of(path: Path) -> dict[str, Any]:
    try:
        content = yaml_reader.read(path)
    except OSError as error:
        raise KokunaiError(
            ja=f"{path} を読めません: {error.strerror}", en=f"cannot read {path}: {error.strerror}"
        ) from None
    except yaml_reader.NotYaml as error:
        raise KokunaiError(
            ja=f"{path} は YAML として読めません: {error.ja}", en=f"{path} is not YAML: {error}"
        ) from None
    config = content.get("config") if isinstance(content, dict) else None
    return config if isinstance(config, dict) else {}


def missing(file: str, key: str = KEY) -> KokunaiError:
    """The error for a stack file without the key that is needed."""
    return _of_one(
        "config",
        ja=f"{file} に config の下の {key} がありません。kokunai schema で書き方を確認できます",
        en=f"{file} lacks {key} below config; `kokunai schema` prints what it may hold",
    )


def secret_refusal(key: str) -> KokunaiError:
    """The error for a secret under a key whose values are stored in plain text in the state."""
    allowed = [f"kokunai:{name}" for name in secret_keys()]
    return _of_one(
        _in_file(key),
        ja=f"{key} の中に秘密情報（secure）は書けません。ステートに平文で残るためです。"
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


def read_settings(raw: Any, where: str = f"config.{SETTINGS_KEY}") -> model.Settings:
    """Settings from plain data. Raises KokunaiError with every mistake, sorted by path."""
    try:
        return model.Settings.model_validate(raw)
    except ValidationError as error:
        problems = list(translated(error, model.Settings))
        raise refusal_of(problems, where) from None


def refusal_of(
    problems: list[Problem], where: str, in_ja: str = "", in_en: str = "", *, below: str = ""
) -> KokunaiError:
    """One error with all problems, sorted by path; `where` replaces the path `below`."""
    ordered = sorted(set(problems))

    def lines(language: str) -> str:
        return "\n".join(
            f"  {_place(where, problem.path.removeprefix(below))}: {getattr(problem, language)}"
            for problem in ordered
        )

    placed = (
        replace(problem, path=_in_file(_place(where, problem.path.removeprefix(below))))
        for problem in ordered
    )
    return Mistakes(
        placed,
        ja=f"{in_ja} {len(ordered)} 件の誤りがあります。\n{lines('ja')}".lstrip(),
        en=f"{len(ordered)} mistake(s){in_en}:\n{lines('en')}",
    )


def _of_one(path: str, *, ja: str, en: str) -> Mistakes:
    return Mistakes([Problem(path, ja, en)], ja=ja, en=en)


def _in_file(place: str) -> str:
    """A place without the name of the file before it, as a property path."""
    return place.rpartition(": ")[2]


def _place(where: str, path: str) -> str:
    return ".".join(part for part in (where, path.removeprefix(".")) if part)
