"""The resource that rules judge, with its properties flattened once for all rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from kokunai_policy.walker import OPEN, Keys, Node, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai.catalog import facts
    from kokunai_policy.context import Context

_PROVIDER_PREFIX = "pulumi:providers:"
STACK_TYPE = "pulumi:pulumi:Stack"
# The module of the package's components, which only group resources.
_COMPONENTS = "kokunai:index:"
# A random id in the state, which is at no place and holds no data.
_OWNER = "kokunai:index:Owner"


@dataclass(frozen=True)
class Resource:
    """One resource as it will be sent to its provider.

    `props` may hold mappings, sequences, scalars, assets and secrets; anything else is unknown.
    `provider_props` are the inputs of the provider that will make it.
    """

    type: str
    name: str
    props: Mapping[str, Any]
    provider_props: Mapping[str, Any] | None = None
    urn: str = ""
    custom: bool = True
    """False for components, which only group other resources."""

    @cached_property
    def package(self) -> str:
        """The Pulumi package of its type; for a provider, the package that it provides."""
        return self.type.removeprefix(_PROVIDER_PREFIX).split(":", 1)[0]

    @cached_property
    def is_provider(self) -> bool:
        """Whether it is a provider, not something a provider makes."""
        return self.type.startswith(_PROVIDER_PREFIX)

    @cached_property
    def is_builtin(self) -> bool:
        """Whether it belongs to Pulumi itself."""
        return self.type.startswith("pulumi:")

    @cached_property
    def is_kokunai(self) -> bool:
        """Whether it is one of this package's kinds that are somewhere; components are not."""
        if self.type == _OWNER or self.package != "kokunai" or self.is_builtin:
            return False
        return self.custom or not self.type.startswith(_COMPONENTS)


@dataclass(frozen=True)
class Inspected:
    """A resource with its properties flattened once for all rules."""

    resource: Resource
    context: Context

    @cached_property
    def nodes(self) -> list[Node]:
        """Every value of the properties."""
        return flatten(self.resource.props, directory=self.context.directory)

    @cached_property
    def _by_keys(self) -> dict[Keys, Node]:
        return {node.keys: node for node in self.nodes if not node.layers}

    def node(self, *keys: str | int) -> Node | None:
        """The value at this path, or the unknown value that holds it; None where it is missing."""
        for depth in range(len(keys) + 1):
            node = self._by_keys.get(keys[:depth])
            if node is None or node.state in OPEN:
                return node
        return node

    @cached_property
    def _starts(self) -> dict[Keys, int]:
        return {node.keys: at for at, node in reversed(list(enumerate(self.nodes)))}

    def under(self, keys: Keys) -> Iterator[Node]:
        """Nodes at or below `keys`, decoded ones included, which are adjacent in `nodes`."""
        start = self._starts.get(keys, len(self.nodes))
        within = (self.nodes[at] for at in range(start, len(self.nodes)))
        return takewhile(lambda node: node.keys[: len(keys)] == keys, within)

    def members(self, *keys: str | int) -> list[Node]:
        """The values directly under this path."""
        depth = len(keys) + 1
        plain = (node for node in self.under(keys) if len(node.keys) == depth and not node.layers)
        return list({node.keys: node for node in plain}.values())

    @cached_property
    def package(self) -> facts.Package | None:
        """What is known of the package."""
        return self.context.facts.package(self.resource.package)
