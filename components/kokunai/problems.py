"""Translates pydantic's errors into problems that say in both languages what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from kokunai.errors import Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

# Error types of pydantic by what a person did wrong; {x} is filled from the error's context.
_TEXTS = {
    "missing": ("必須です", "is required"),
    "string_type": ("文字列を指定してください", "must be text"),
    "string_too_short": (
        "{min_length} 文字以上にしてください",
        "needs at least {min_length} characters",
    ),
    "string_too_long": (
        "{max_length} 文字以下にしてください",
        "allows at most {max_length} characters",
    ),
    "string_pattern_mismatch": (
        "書式が違います。許される形: {pattern}",
        "has the wrong form; allowed: {pattern}",
    ),
    "int_type": ("整数を指定してください", "must be an integer"),
    "int_parsing": ("整数を指定してください", "must be an integer"),
    "int_from_float": ("整数を指定してください", "must be an integer"),
    "float_type": ("数を指定してください", "must be a number"),
    "float_parsing": ("数を指定してください", "must be a number"),
    "bool_type": ("true か false を指定してください", "must be true or false"),
    "bool_parsing": ("true か false を指定してください", "must be true or false"),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        ("日付を 2026-11-28 の形で指定してください", "must be a date such as 2026-11-28"),
    ),
    "list_type": ("リストを指定してください", "must be a list"),
    "dict_type": ("キーと値の組を指定してください", "must be a mapping"),
    "model_type": ("キーと値の組を指定してください", "must be a mapping"),
    "greater_than_equal": ("{ge} 以上にしてください", "must be at least {ge}"),
    "greater_than": ("{gt} より大きくしてください", "must be greater than {gt}"),
    "less_than_equal": ("{le} 以下にしてください", "must be at most {le}"),
    "less_than": ("{lt} より小さくしてください", "must be less than {lt}"),
    "too_short": ("{min_length} 個以上指定してください", "needs at least {min_length}"),
    "too_long": ("{max_length} 個以下にしてください", "allows at most {max_length}"),
    "literal_error": ("次のどれかにしてください: {expected}", "must be one of: {expected}"),
}
PLAIN_DECIMAL = (
    "整数を、引用符なしの 10 進数で指定してください（例 90）",
    "must be an integer in plain decimal digits such as 90",
)


def refusal(ja: str, en: str) -> PydanticCustomError:
    """The error that a validator raises to refuse a value with a message in both languages."""
    return PydanticCustomError("kokunai", "{ja}\n{en}", {"ja": ja, "en": en})


def translated(error: ValidationError, root: type[BaseModel]) -> Iterator[Problem]:
    """Every finding of pydantic about `root`; an unknown key is answered with the known ones."""
    for finding in error.errors(include_url=False):
        yield Problem(path_text(finding["loc"]), *_texts(finding, root))


def _texts(finding: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    context: dict[str, Any] = finding.get("ctx", {})
    if finding["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(root, finding["loc"][:-1]))
        return f"知らないキーです。使えるキー: {known}", f"is not a known key; allowed: {known}"
    if finding["type"] == "kokunai":
        return str(context["ja"]), str(context["en"])
    ja, en = _TEXTS.get(finding["type"], ("値が正しくありません（{msg}）", "{msg}"))
    if finding["type"] == "int_type" and isinstance(finding["input"], str):
        ja, en = PLAIN_DECIMAL
    context = {**context, "msg": finding["msg"]}
    return _with_value(ja.format_map(context), en.format_map(context), finding, root)


def _known_keys(root: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Keys of the model at this place, found by walking the annotations."""
    here = root
    for part in location:
        if isinstance(part, str):
            here = _model_at(here, part) or here
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_at(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return nested_model(field.annotation)
    return None


def nested_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `list[Disk] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (nested_model(part) for part in get_args(annotation))
    return next((model for model in models if model), None)


def _with_value(ja: str, en: str, finding: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    """Add the value where it is short, the user wrote it and it can be no secret."""
    value = finding["input"]
    is_hidden = root.model_config.get("hide_input_in_errors", False)
    if is_hidden or finding["type"] == "missing" or isinstance(value, dict | list):
        return ja, en
    shown = repr(value)[:60]
    return f"{ja}（書かれた値: {shown}）", f"{en} (got {shown})"
