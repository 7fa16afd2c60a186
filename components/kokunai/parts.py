"""Resources before their declaration, as plain values that the rules can judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Link:
    """A placeholder for an output of another part, which the rules treat as not known yet."""

    pulumi_type: str
    name: str
    output: str = "id"


@dataclass(frozen=True)
class Hidden:
    """A secret input: the rules see that a value is given, but never the value."""

    value: Any = field(repr=False)
    """A `pulumi.Output` that is secret."""


@dataclass(frozen=True)
class Data:
    """What goes with a part that holds data: the stack remembers it, to tell of its loss."""

    made_of: tuple[str, ...]
    """Inputs without links that decide what is held, and whose change may make it anew."""
    pool: str | None = None
    """The pool to which the part belongs; its name stands for all of its parts."""
    network: str | None = None
    """The private network, and what it was called before."""
    network_was: str | None = None
    address: str | None = None
    """Its address in that network."""
    protect: bool | None = None
    """Whether Pulumi refuses to delete it; None is the default of the stack."""


@dataclass(frozen=True)
class Part:
    """One resource: its type, its name and its inputs."""

    pulumi_type: str
    """For example `kokunai:sakura:Server`."""
    name: str
    props: Mapping[str, Any]
    """Plain values, with a `Link` or a `Hidden` where there is none yet."""
    wanted: tuple[str, ...] | None = None
    """Outputs that links or components read; None is all of the kind."""
    former_name: str | None = None
    """What an earlier version called it, so that it is renamed and not replaced."""
    owned: bool = True
    """It is made at a seller and marked there, so it is told the stack's owner id."""
    timeout_seconds: int | None = None
    """How long a create or an update may take; None is the kind's own default."""
    data: Data | None = None
    """Given for what holds data."""

    @property
    def key(self) -> tuple[str, str]:
        """Type and name, which identify a part within a stack."""
        return self.pulumi_type, self.name

    def link(self, output: str = "id") -> Link:
        """A placeholder for an output of this part."""
        return Link(self.pulumi_type, self.name, output)
