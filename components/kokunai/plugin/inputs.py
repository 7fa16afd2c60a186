"""Typed inputs of a kind: every mistake at once, on its property, and unknowns let through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WrapValidator,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from kokunai.plugin.kind import UNKNOWN, Checked, Failure, Props

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_core import ErrorDetails


def _unless_unknown(value: Any, handler: Callable[[Any], Any]) -> Any:
    return value if value is UNKNOWN else handler(value)


T = TypeVar("T")
Item = Annotated[T, WrapValidator(_unless_unknown)]
"""An item of a list or a map, which may be unknown like any field."""


Text = Annotated[str, StringConstraints(strip_whitespace=True)]
"""The API keeps no space at either end."""


class Inputs(BaseModel):
    """Fields are snake_case here and camelCase for the engine; in preview any may be UNKNOWN."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _let_unknown_through(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
        return _unless_unknown(value, handler)

    @classmethod
    def contradictions(cls, news: Props) -> Iterator[Failure]:  # noqa: ARG003
        """Mistakes between properties, asked for even when a value has the wrong type."""
        return iter(())

    def props(self) -> Props:
        """Plain properties; what is None is left out."""
        return {to_camel(name): _plain(one) for name, one in self if one is not None}


def _plain(value: Any) -> Any:
    """Pydantic's own dump loses an unknown that stands where a model should."""
    if isinstance(value, Inputs):
        return value.props()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


class Governed(Inputs):
    """What every resource of a seller says for the rules."""

    site: str = Field(min_length=1)
    """Catalogue key of the data centre. / データセンター (カタログのキー)。"""
    labels: dict[str, Item[str]]
    """Labels for the rules, `data-class` among them. / 規則のためのラベル。"""


class Named(Governed):
    """A resource in a zone with a name."""

    name: Text = Field(min_length=1, max_length=64)
    """Name shown in the control panel. / コントロールパネルに出る名前。"""
    zone: str = Field(pattern=r"^[a-z]{2}[0-9][a-z]$")
    """Zone of the API, for example `is1a`. / ゾーン。"""


def mistake(ja: str, en: str) -> PydanticCustomError:
    """What a validator raises: a message in both languages."""
    return PydanticCustomError("kokunai", "{ja}\n{en}", {"ja": ja, "en": en})


def checked(model: type[Inputs], news: Props) -> Checked:
    """Inputs with defaults, or the inputs as they came with every failure."""
    props, found = news, []
    try:
        props = model.model_validate(news).props()
    except ValidationError as error:
        found = [_failure(model, one) for one in error.errors(include_url=False)]
    return Checked(props, (*found, *model.contradictions(news)))


def maps_in(value: Any) -> list[Props]:
    """The items of a list by their place, empty where one is unknown or no map."""
    items = value if isinstance(value, list) else []
    return [one if isinstance(one, dict) else {} for one in items]


def _failure(model: type[Inputs], error: ErrorDetails) -> Failure:
    path = path_of(error["loc"])
    if error["type"] == "kokunai":
        context = error["ctx"]
        return Failure(path, str(context["ja"]), str(context["en"]))
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(_names_at(model, error["loc"][:-1]))
        return Failure(
            path,
            f"この名前の項目はありません。使えるもの: {allowed}",
            f"no such property; allowed: {allowed}",
        )
    ja = _JAPANESE.get(error["type"], "値が正しくありません ({msg})。")
    context = {**error.get("ctx", {}), "msg": error["msg"]}
    return Failure(path, ja.format_map(context), f"{error['msg']}.")


_JAPANESE = {
    "missing": "必須の項目です。",
    "int_type": "整数で指定してください。",
    "float_type": "数で指定してください。",
    "string_type": "文字列で指定してください。",
    "bool_type": "true か false で指定してください。",
    "list_type": "リストで指定してください。",
    "dict_type": "キーと値の組で指定してください。",
    "model_type": "キーと値の組で指定してください。",
    "greater_than_equal": "{ge} 以上で指定してください。",
    "less_than_equal": "{le} 以下で指定してください。",
    "greater_than": "{gt} より大きい値で指定してください。",
    "string_too_short": "{min_length} 文字以上で指定してください。",
    "string_too_long": "{max_length} 文字以下で指定してください。",
    "string_pattern_mismatch": "正規表現 {pattern} に合う文字列で指定してください。",
    "too_short": "{min_length} 個以上必要です。",
    "too_long": "{max_length} 個までです。",
    "literal_error": "{expected} のどれかで指定してください。",
}


def path_of(loc: tuple[int | str, ...]) -> str:
    """`("disks", 0, "sizeGib")` is `disks[0].sizeGib`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if part.replace("_", "a").isalnum() else f'["{part}"]'
    return path.removeprefix(".")


def _names_at(model: type[Inputs], loc: tuple[int | str, ...]) -> list[str]:
    """Property names of the model that stands at this place."""
    for part in loc:
        if isinstance(part, str):
            model = _model_in(model, part) or model
    return [to_camel(name) for name in model.model_fields]


def _model_in(model: type[Inputs], alias: str) -> type[Inputs] | None:
    field = model.model_fields.get(re.sub(r"(?<!^)(?=[A-Z])", "_", alias).lower())
    return nested_model(field.annotation) if field else None


def nested_model(annotation: Any) -> type[Inputs] | None:
    """The model inside an annotation such as `list[Disk] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Inputs):
        return annotation
    for one in getattr(annotation, "__args__", ()):
        if found := nested_model(one):
            return found
    return None
