"""What will be declared, as plain values: judged by the rules, then handed to Pulumi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Link:
    """Stands where an output of another part will be; rules treat it as not known yet."""

    pulumi_type: str
    name: str
    output: str = "id"


@dataclass(frozen=True)
class Hidden:
    """A secret on its way to Pulumi; rules see that something stands here, never what."""

    value: Any = field(repr=False)
    """A `pulumi.Output` that is secret."""


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
    timeout_seconds: int | None = None
    """How long a create or an update may take; None is the kind's own default."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells parts of a stack apart."""
        return self.pulumi_type, self.name

    def link(self, output: str = "id") -> Link:
        """A stand-in for an output of this part."""
        return Link(self.pulumi_type, self.name, output)
