"""The provider's configuration, composed of one section per module."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel, to_pascal

from kokunai.errors import KokunaiError, Problem
from kokunai.plugin.inputs import Inputs
from kokunai.plugin.schema import plain_property
from kokunai.problems import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai.plugin.kind import Props, Schema

# What the engine and the SDKs put beside a provider's own configuration.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "__internal"})
_ABSENT = (None, "")
STACK_KEYS = frozenset({"environment", "settings", "packageSourceCredentials"})
"""Keys of the stack file in the same namespace, which a default provider also receives."""


class SectionModel(Inputs):
    """Settings of one module; the engine hands over numbers as text, so types are not strict."""

    model_config = ConfigDict(strict=False, alias_generator=None)


@dataclass(frozen=True)
class Section:
    """One module's part of the configuration; field `access_token` of `sakura` is the key
    `sakuraAccessToken`, and with an empty prefix the key is `accessToken`.
    """

    prefix: str
    model: type[SectionModel]
    environment: Mapping[str, tuple[str, ...]]
    """By field: the environment variables for it, of which the first that is set counts."""
    secret_fields: frozenset[str] = frozenset()

    def key(self, field: str) -> str:
        """What a field is called in the provider's configuration."""
        return f"{self.prefix}{to_pascal(field)}" if self.prefix else to_camel(field)

    @property
    def keys(self) -> dict[str, str]:
        """All keys, and the field of each."""
        return {self.key(field): field for field in self.model.model_fields}

    @property
    def secrets(self) -> frozenset[str]:
        """Keys whose values are secret."""
        return frozenset(map(self.key, self.secret_fields))

    def schema(self) -> Schema:
        """The keys in Pulumi's schema."""
        described = self.model.model_json_schema()["properties"]
        return {key: self._described(field, described[field]) for key, field in self.keys.items()}

    def _described(self, field: str, described: Schema) -> Schema:
        made = plain_property(described)
        names = ", ".join(self.environment.get(field, ()))
        text = made.get("description", "")
        made["description"] = f"{text} 環境変数 / environment: {names}".strip() if names else text
        return made | ({"secret": True} if field in self.secret_fields else {})

    def problems(self, props: Props) -> Iterator[Problem]:
        """Every mistake in what is given."""
        given = {field: props[key] for key, field in self.keys.items() if key in props}
        try:
            self.model.model_validate(given)
        except ValidationError as error:
            for problem in translated(error, self.model):
                yield Problem(self.key(problem.path), problem.ja, problem.en)

    def resolve(self, props: Props, environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        """Each key with its effective value: given, else from the environment, else the default.

        Raises KokunaiError for an invalid value, because a default could lead to another API
        than the one that was meant.
        """
        for key, field in self.keys.items():
            names = [name for name in self.environment.get(field, ()) if environment.get(name)]
            source, value = key, props.get(key)
            if value in _ABSENT and names:
                source, value = names[0], environment[names[0]]
            value = self._converted(field, source, value)
            if value is not None:
                yield key, value

    def _converted(self, field: str, source: str, value: Any) -> Any:
        if value in _ABSENT:
            return self.model.model_fields[field].default
        try:
            return getattr(self.model.model_validate({field: value}), field)
        except ValidationError as error:
            problem = next(translated(error, self.model))
            raise KokunaiError(ja=f"{source}: {problem.ja}", en=f"{source}: {problem.en}") from None


class Settings:
    """All sections together."""

    def __init__(self, sections: Iterable[Section]) -> None:
        self._sections = tuple(sections)
        self.secrets = frozenset().union(*(section.secrets for section in self._sections))

    def schema(self) -> Schema:
        """The configuration in Pulumi's schema."""
        made: Schema = {}
        for section in self._sections:
            made |= section.schema()
        return {"variables": made}

    def own(self, props: Props) -> Props:
        """The provider's inputs without what belongs to the stack."""
        return {key: value for key, value in props.items() if key not in STACK_KEYS}

    def problems(self, props: Props) -> list[Problem]:
        """Every mistake in the provider's inputs at once."""
        known = [key for section in self._sections for key in section.keys]
        unknown = [_unknown_key(key, known) for key in props if key not in {*known, *_ENGINE_KEYS}]
        wrong = [problem for section in self._sections for problem in section.problems(props)]
        return [*unknown, *wrong]

    def resolve(self, props: Props, environment: Mapping[str, str] = os.environ) -> Props:
        """The effective configuration: inputs, else environment, else defaults."""
        return dict(
            pair for section in self._sections for pair in section.resolve(props, environment)
        )


def _unknown_key(key: str, known: list[str]) -> Problem:
    allowed = ", ".join(known)
    return Problem(
        key,
        f"この名前の設定はありません。使えるもの: {allowed}",
        f"no such setting; allowed: {allowed}",
    )
