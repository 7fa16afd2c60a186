"""Typed inputs of a kind: every mistake at once, on its property, and unknowns let through."""

from __future__ import annotations

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

from kokunai.plugin.kind import UNKNOWN, Checked, Props
from kokunai.problems import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kokunai.errors import Problem


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
    def contradictions(cls, news: Props) -> Iterator[Problem]:  # noqa: ARG003
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


def checked(model: type[Inputs], news: Props) -> Checked:
    """Inputs with defaults, or the inputs as they came with every failure."""
    props, found = news, []
    try:
        props = model.model_validate(news).props()
    except ValidationError as error:
        found = list(translated(error, model))
    return Checked(props, (*found, *model.contradictions(news)))


def maps_in(value: Any) -> list[Props]:
    """The items of a list by their place, empty where one is unknown or no map."""
    items = value if isinstance(value, list) else []
    return [one if isinstance(one, dict) else {} for one in items]
