"""What rules know besides the resource: the stack, its exceptions and what is known of hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from kokunai_policy.known_facts import KnownFacts
from kokunai_policy.waivers import Waivers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Japan has had no daylight saving since 1951, so no time zone database is needed.
_JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True)
class StateStore:
    """Where the stack's state and its secrets' keys are; None where that could not be found out."""

    backend_url: str | None
    secrets_provider: str | None


def today_in_japan() -> date:
    """The day that waivers are compared with."""
    return datetime.now(_JAPAN).date()


@dataclass(frozen=True)
class Context:
    """What rules know besides the resource. By default nothing is waived."""

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
    waivers: Waivers = field(default_factory=Waivers)
    """The exceptions of the user's project."""
    facts: KnownFacts = field(default_factory=KnownFacts)
    """The catalogue's facts and those that the user's project adds."""
