"""What a rule looks at, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from kokunai.catalog import facts
from kokunai_policy.walker import Keys, Node, State, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kokunai_policy.waivers import Waiver, Waivers

# Japan has had no daylight saving since 1951, so no time zone database is needed.
_JAPAN = timezone(timedelta(hours=9))
_PROVIDER_PREFIX = "pulumi:providers:"
STACK_TYPE = "pulumi:pulumi:Stack"
# Modules of the kinds that are real things; the rest of the package are components.
_GOVERNED_MODULES = frozenset({"sakura", "contract", "ansible"})


class Verdict(Enum):
    """Outcome of one rule on one value."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


class Level(Enum):
    """How bad a finding is; critical ones cannot be waived."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Judgement:
    """What a rule says about one property; the texts are for verdicts that count as findings."""

    verdict: Verdict
    path: str = ""
    ja: str = ""
    en: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is refused, or that a waiver lets through."""

    rule: str
    level: Level
    verdict: Verdict
    path: str
    ja: str
    en: str
    type: str
    name: str
    urn: str = ""
    waiver: Waiver | None = None

    @property
    def message(self) -> str:
        """Rule, level and path once, then both languages."""
        where = f" {self.path}" if self.path else ""
        return f"{self.rule} ({self.level.value}){where}\n  {self.ja}\n  {self.en}"


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
    """False for components, which hold only other resources."""

    @property
    def package(self) -> str:
        """Pulumi package that makes it, for a provider the package it provides."""
        return self.type.removeprefix(_PROVIDER_PREFIX).split(":", 1)[0]

    @property
    def is_provider(self) -> bool:
        """Whether it is a provider, not something a provider makes."""
        return self.type.startswith(_PROVIDER_PREFIX)

    @property
    def is_builtin(self) -> bool:
        """Whether it belongs to Pulumi itself."""
        return self.type.startswith("pulumi:")

    @property
    def is_kokunai(self) -> bool:
        """Whether it is one of this project's kinds: real things, not components."""
        if self.package != "kokunai" or self.is_builtin:
            return False
        return self.custom or self.type.split(":")[1] in _GOVERNED_MODULES


@dataclass(frozen=True)
class StateStore:
    """Where the stack's state and its secrets' keys are; None where that could not be found out."""

    backend_url: str | None
    secrets_provider: str | None


def today_in_japan() -> date:
    """The day that waivers are compared with."""
    return datetime.now(_JAPAN).date()


def _default_waivers() -> Waivers:
    from kokunai_policy import waivers

    return waivers.default()


@dataclass(frozen=True)
class Context:
    """What rules know besides the resource."""

    lab: bool = False
    """The stack says it runs on the local lab: a loopback endpoint is its simulated operator."""
    today: date = field(default_factory=today_in_japan)
    directory: Path | None = None
    """Where relative paths of file assets start."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the provider plugins, which fill in what a stack leaves out."""
    state: StateStore | None = None
    stack: str = ""
    """`stack::project` as in a URN; where given, waivers of other stacks do not count."""
    waivers: Waivers = field(default_factory=_default_waivers)


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
            found = self._by_keys.get(keys[:depth])
            if found is None:
                return None
            if found.state in {State.UNKNOWN, State.UNREADABLE}:
                return found
        return found

    @cached_property
    def _starts(self) -> dict[Keys, int]:
        return {node.keys: at for at, node in reversed(list(enumerate(self.nodes)))}

    def under(self, keys: Keys) -> Iterator[Node]:
        """Nodes at or below `keys`, encodings included; the walk leaves them side by side."""
        start = self._starts.get(keys, len(self.nodes))
        within = (self.nodes[at] for at in range(start, len(self.nodes)))
        return takewhile(lambda node: node.keys[: len(keys)] == keys, within)

    def members(self, *keys: str | int) -> list[Node]:
        """The values directly under this path."""
        depth = len(keys) + 1
        found = (one for one in self.under(keys) if len(one.keys) == depth and not one.layers)
        return list({one.keys: one for one in found}.values())

    @property
    def package(self) -> facts.Package | None:
        """What is known of the package."""
        return facts.packages().get(self.resource.package)


def shown(node: Node, text: str) -> str:
    """`text` as a message may show it: nothing of a secret."""
    return "[secret]" if node.secret else text


def unknown(node: Node, what_ja: str, what_en: str) -> Judgement:
    """The finding for a value that is not known or cannot be read."""
    if node.state is State.UNREADABLE:
        return Judgement(
            Verdict.UNKNOWN,
            node.path,
            f"{what_ja}を読めません(大きすぎる、深すぎる、または外部にあります)",
            f"{what_en} cannot be read: too large, too deep, or kept elsewhere",
        )
    return Judgement(
        Verdict.UNKNOWN,
        node.path,
        f"{what_ja}がまだ分かりません。プレビューの時点で決まる値を書いてください",
        f"{what_en} is not known yet; give a value that is known at preview",
    )
