"""The contract between the server and the kinds, the same for every seller."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kokunai.errors import Problem


class _Unknown:
    """A value the engine does not know yet (preview only)."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value was used in a condition")


UNKNOWN: Final = _Unknown()
"""Replaces, in plain inputs, every computed value that the engine does not know yet."""

OWNER: Final = "ownerDigest"
"""Output of every kind that is found by its digest: the digest it carries now."""

OWNED_BY: Final = "owner"
"""Input of every kind that makes something at a seller: the id of the stack's `Owner`."""

SHUTDOWN_GRACE_SECONDS: Final = 5.0
"""How long the plugin's process waits after a signal for the operations to end."""

Props = dict[str, Any]
"""Plain properties, camelCase keys; unknown leaves are `UNKNOWN`, secrets are unwrapped."""

Schema = dict[str, Any]
"""A part of a Pulumi package schema."""


def mark_of(*words: str) -> str:
    """The digest of these words, with which a resource is marked and found again."""
    return "kokunai-" + hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def holds_unknown(plain: Any) -> bool:
    """Whether an unknown is anywhere in a plain value."""
    if isinstance(plain, dict):
        return any(holds_unknown(value) for value in plain.values())
    if isinstance(plain, list | tuple):
        return any(holds_unknown(value) for value in plain)
    return plain is UNKNOWN


@dataclass(frozen=True)
class Transition:
    """The state and the wanted inputs of one resource.

    A create has only `new`; a read and a delete have no `new`; an import has only `id`.
    """

    id: str = ""
    """Pulumi's id of the resource; empty before a create."""
    state: Props = field(default_factory=dict)
    """All outputs of the last operation, inputs among them."""
    old: Props = field(default_factory=dict)
    """The inputs of the last operation."""
    new: Props = field(default_factory=dict)
    """The inputs that are wanted now."""


@dataclass(frozen=True)
class Checked:
    """Result of a check: inputs with defaults filled in, and every mistake."""

    inputs: Props
    failures: tuple[Problem, ...] = ()


class ChangeKind(Enum):
    """What happened to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """A changed property, and whether it needs a replacement or a power-off."""

    path: str
    kind: ChangeKind = ChangeKind.UPDATE
    replace: bool = False
    reason: str = ""
    """Why a replacement or a power-off is needed, `Japanese / English`; shown to the user."""
    power_off: bool = False
    """The server is switched off and on again to apply this."""
    of_state: bool = False
    """The change is in the outputs (drift), not between old and new inputs."""
    loses: bool = False
    """Data is lost although the resource stays."""


def reasons_of(changes: Iterable[Change]) -> list[tuple[str, str]]:
    """The reasons of changes in Japanese and English, each once."""
    told = dict.fromkeys(change.reason for change in changes if change.reason)
    return [(ja, en) for ja, _, en in (reason.partition(" / ") for reason in told)]


@dataclass(frozen=True)
class Created:
    """A finished create."""

    id: str
    outputs: Props


@dataclass(frozen=True)
class Found:
    """Result of `read`; `inputs` has every input, so that a preview after an import is empty."""

    id: str
    inputs: Props
    outputs: Props


class InitFailed(Exception):
    """The resource exists but is not finished; the engine keeps `id` and calls `update` next."""

    def __init__(self, id_: str, outputs: Props, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id = id_
        self.outputs = outputs
        self.reasons = reasons


class Cancelled(Exception):
    """The engine asked to stop; raised from `Operation.sleep` and at every driver call."""


class Operation(Protocol):
    """The context of one call of the engine."""

    urn: str
    name: str
    stack: str
    project: str
    preview: bool
    config: Mapping[str, Any]
    """Provider configuration, camelCase keys, secrets unwrapped."""
    place: str
    """`kokunai-` and 16 hexadecimal digits of the URN, the same whoever makes the resource."""
    owner: str
    """The owner id of the stack; empty where the inputs have none or it is not known yet."""
    digest: str
    """`kokunai-` and 16 hexadecimal digits of URN and owner: the tag that makes create repeatable.

    Nobody else's resource carries it, because every stack has an owner id of its own.
    """
    is_recorded: bool
    """The state has the resource already, so that a create is the second half of a replacement."""

    def is_held_elsewhere(self, id_: str) -> bool:
        """Whether the state has this id under another URN, as after a renaming."""

    def info(self, message: str) -> None:
        """A line that stays in the log of the run."""

    def status(self, message: str) -> None:
        """A passing progress line; the next one replaces it."""

    def warn(self, message: str) -> None:
        """A warning that stays in the summary."""

    def remaining_seconds(self) -> float:
        """Time left of `customTimeouts`, or of the kind's default."""

    async def sleep(self, seconds: float) -> None:
        """Wait; raises Cancelled at once when the engine cancels, TimeoutError when time is up."""


class Kind(Protocol):
    """A resource kind. `schema`, `types`, `check`, `diff` and `identity` change nothing.

    A kind may implement `Previewing` as well.
    """

    pulumi_type: str
    """For example `kokunai:sakura:Server`."""
    default_timeout_seconds: float
    secret_properties: frozenset[str]
    """Top-level properties that are always secret, in inputs and outputs."""
    is_found_by_digest: bool
    """`create` finds by `op.digest` what the same resource made before, so a replacement has to
    delete first, and the outputs get `OWNER`."""

    def schema(self) -> Schema:
        """Pulumi schema of the resource: inputProperties, requiredInputs, properties, required."""

    def types(self) -> dict[str, Schema]:
        """Object and enum types that the schema refers to, by their token."""

    def identity(self, transition: Transition) -> str:
        """A text that differs between the resource in `state` and another one of the same name."""

    async def check(self, transition: Transition) -> Checked:
        """`new` with defaults filled in, and every mistake in it."""

    def diff(self, transition: Transition) -> list[Change]:
        """Changes by property; an empty list is no change."""

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or adopt what an earlier, killed create made (found by `op.digest`)."""

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The resource as it is now, None if absent; `state` and `old` are empty on import."""

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Apply the new inputs and return all outputs; must also finish what InitFailed left."""

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Remove it; absent is success."""


@dataclass(frozen=True)
class Held:
    """The data that goes with a resource."""

    gib: int
    """0 where what holds it has no size of its own."""
    ja: str
    """What holds it, for example `サーバー`."""
    en: str


@runtime_checkable
class Holding(Protocol):
    """An addition to `Kind` for what holds data of the user."""

    def held(self, props: Props) -> Held:
        """What would be lost with a resource that has these inputs or outputs."""


@runtime_checkable
class Configured(Protocol):
    """An addition to `Kind` for a check of inputs that depends on the provider's configuration."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the configuration; called before any resource is checked."""


@runtime_checkable
class Noticing(Protocol):
    """An addition to `Kind` for what is to be said of a resource that exists, changed or not."""

    def notice(self, op: Operation, transition: Transition) -> None:
        """Say it; called at every diff, so in a preview and in the `up` after it."""


@runtime_checkable
class Previewing(Protocol):
    """An addition to `Kind` for outputs and refusals that are known during a preview.

    Without it a preview shows the inputs, and all other outputs as unknown.
    """

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs as far as they are known; the id is empty before a create.

        Changes nothing.
        """
