"""Typed properties of a kind: every mistake at once, on its property, and unknowns let through."""

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
MaybeUnknown = Annotated[T, WrapValidator(_unless_unknown)]
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
    def contradictions(cls, _given: Props) -> Iterator[Problem]:
        """Mistakes between properties, asked for even when a value has the wrong type."""
        yield from ()

    def props(self) -> Props:
        """Plain properties; what is None is left out."""
        return {to_camel(name): _plain(value) for name, value in self if value is not None}


def _plain(value: Any) -> Any:
    """Pydantic's own dump loses an unknown that stands where a model should."""
    if isinstance(value, Inputs):
        return value.props()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class Governed(Inputs):
    """What every resource of a seller says for the rules."""

    site: str = Field(min_length=1)
    """Catalogue key of the data centre. / データセンター (カタログのキー)。"""
    labels: dict[str, MaybeUnknown[str]]
    """Labels for the rules, `data-class` among them. / 規則のためのラベル。"""


class Computed(BaseModel):
    """Outputs beside the inputs; only described, never validated."""

    model_config = ConfigDict(alias_generator=to_camel, use_attribute_docstrings=True)

    @classmethod
    def names(cls) -> list[str]:
        """As the engine has them."""
        return [to_camel(name) for name in cls.model_fields]


def checked(model: type[Inputs], given: Props) -> Checked:
    """Inputs with defaults, or the inputs as they came with every failure."""
    props, problems = given, []
    try:
        props = model.model_validate(given).props()
    except ValidationError as error:
        problems = list(translated(error, model))
    return Checked(props, (*problems, *model.contradictions(given)))


def maps_in(value: Any) -> list[Props]:
    """The items of a list by their place, empty where one is unknown or no map."""
    items = value if isinstance(value, list) else []
    return [item if isinstance(item, dict) else {} for item in items]
