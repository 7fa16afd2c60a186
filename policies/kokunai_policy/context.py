"""The context of a judgement: facts about the stack, its waivers and the known hosts."""

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
    """Where the stack's state and the keys of its secrets are; None where that is not known."""

    backend_url: str | None
    secrets_provider: str | None


def today_in_japan() -> date:
    """Today's date in Japan, with which the last days of waivers are compared."""
    return datetime.now(_JAPAN).date()


@dataclass(frozen=True)
class Context:
    """Everything but the resource that the rules use. By default nothing is waived."""

    lab: bool = False
    """Whether the stack says that it runs on the local lab, whose loopback endpoint is allowed."""
    today: date = field(default_factory=today_in_japan)
    directory: Path | None = None
    """The folder to which paths of file assets are relative."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the provider plugins, which they use for inputs left out."""
    state: StateStore | None = None
    stack: str = ""
    """`stack::project` as in a URN; if given, waivers of other stacks do not count."""
    waivers: Waivers = field(default_factory=Waivers)
    """The exceptions of the user's project."""
    facts: KnownFacts = field(default_factory=KnownFacts)
    """The catalogue's facts and those that the user's project adds."""
