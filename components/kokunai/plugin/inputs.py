"""Base models of a kind's properties, which report all mistakes and let unknowns through."""

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
    """Inputs of a kind, in camelCase for the engine; in a preview any of them may be UNKNOWN."""

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
        """Mistakes between properties; also called when a value has the wrong type."""
        yield from ()

    def props(self) -> Props:
        """Plain properties with camelCase keys, without those that are None."""
        return {to_camel(name): _plain(value) for name, value in self if value is not None}


def _plain(value: Any) -> Any:
    """The value as plain data; pydantic's own dump would lose an unknown in place of a model."""
    if isinstance(value, Inputs):
        return value.props()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class Governed(Inputs):
    """Inputs of every seller's resource that the rules need: its site and its labels."""

    site: str = Field(min_length=1)
    """Catalogue key of the data centre. / データセンター（カタログのキー）。"""
    labels: dict[str, MaybeUnknown[str]]
    """Labels for the rules, `data-class` among them. / 規則のためのラベル。"""
    owner: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")
    """Id of the stack's `kokunai:index:Owner`; only what carries it is taken over after an
    interrupted create. / スタックの Owner の ID。中断した作成の続きは、この ID の印で探します。"""


class Computed(BaseModel):
    """Outputs beside the inputs; the model describes them for the schema and validates nothing."""

    model_config = ConfigDict(alias_generator=to_camel, use_attribute_docstrings=True)

    @classmethod
    def names(cls) -> list[str]:
        """The camelCase names of the outputs."""
        return [to_camel(name) for name in cls.model_fields]


def checked(model: type[Inputs], given: Props) -> Checked:
    """The inputs with defaults filled in, or the inputs as given with every mistake."""
    props, problems = given, []
    try:
        props = model.model_validate(given).props()
    except ValidationError as error:
        problems = list(translated(error, model))
    return Checked(props, (*problems, *model.contradictions(given)))


def maps_in(value: Any) -> list[Props]:
    """The items of a list, in place; an item that is unknown or not a map becomes an empty map."""
    items = value if isinstance(value, list) else []
    return [item if isinstance(item, dict) else {} for item in items]
