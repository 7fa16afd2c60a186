"""Pydantic's findings as mistakes with a path, in Japanese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

# Error types of pydantic by what a person did wrong; {x} is filled from the error's context.
_TEXTS = {
    "missing": ("必須です", "is required"),
    "string_type": ("文字列を書いてください", "must be text"),
    "string_pattern_mismatch": (
        "書式が違います。許される形: {pattern}",
        "has the wrong form; allowed: {pattern}",
    ),
    "int_type": ("整数を書いてください", "must be an integer"),
    "int_parsing": ("整数を書いてください", "must be an integer"),
    "int_from_float": ("整数を書いてください", "must be an integer"),
    "bool_type": ("true か false を書いてください", "must be true or false"),
    "bool_parsing": ("true か false を書いてください", "must be true or false"),
    "list_type": ("リストを書いてください", "must be a list"),
    "dict_type": ("キーと値の組を書いてください", "must be a mapping"),
    "model_type": ("キーと値の組を書いてください", "must be a mapping"),
    "greater_than_equal": ("{ge} 以上にしてください", "must be at least {ge}"),
    "greater_than": ("{gt} より大きくしてください", "must be greater than {gt}"),
    "less_than_equal": ("{le} 以下にしてください", "must be at most {le}"),
    "too_short": ("{min_length} 個以上書いてください", "needs at least {min_length}"),
    "too_long": ("{max_length} 個以下にしてください", "allows at most {max_length}"),
    "literal_error": ("次のどれかにしてください: {expected}", "must be one of: {expected}"),
}


@dataclass(frozen=True)
class Mistake:
    """One mistake: where, and what is allowed in both languages."""

    path: str
    ja: str
    en: str


def path_text(location: tuple[str | int, ...]) -> str:
    """`('pools', 0, 'gpu')` as `.pools[0].gpu`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def translated(error: ValidationError, root: type[BaseModel]) -> Iterator[Mistake]:
    """Every finding of pydantic about `root`; an unknown key is answered with the known ones."""
    for finding in error.errors(include_url=False):
        yield Mistake(path_text(finding["loc"]), *_texts(finding, root))


def _texts(finding: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    context: dict[str, Any] = finding.get("ctx", {})
    if finding["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(root, finding["loc"][:-1]))
        return f"知らないキーです。使えるキー: {known}", f"is not a known key; allowed: {known}"
    if finding["type"] in _TEXTS:
        ja, en = _TEXTS[finding["type"]]
        return _with_value(ja.format(**context), en.format(**context), finding)
    ja, _, en = finding["msg"].partition("\n")
    return _with_value(ja, en or ja, finding)


def _known_keys(root: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Fields of the model at this place, found by walking the annotations."""
    here: Any = root
    for part in location:
        here = here.model_fields[part].annotation if isinstance(part, str) else get_args(here)[0]
    return list(here.model_fields)


def _with_value(ja: str, en: str, finding: ErrorDetails) -> tuple[str, str]:
    """Add the value where it is short and the user wrote it; never a whole section."""
    value = finding["input"]
    if finding["type"] == "missing" or isinstance(value, dict | list):
        return ja, en
    shown = repr(value)[:60]
    return f"{ja}(書かれた値: {shown})", f"{en} (got {shown})"
