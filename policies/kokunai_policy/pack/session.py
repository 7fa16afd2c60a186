"""Keeps the state of one run of the pack: contexts, judged resources and used waivers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kokunai_policy.judgement import judge
from kokunai_policy.project import pack_context
from kokunai_policy.resource import Resource
from kokunai_policy.waiver_places import stack_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from kokunai_policy.context import Context
    from kokunai_policy.verdicts import Finding
    from kokunai_policy.waivers import Waiver


class Given(NamedTuple):
    """A resource, or a provider, as the engine sends it."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]


@dataclass
class Session:
    """One run of the pack in the folder of one project."""

    environment: Mapping[str, str]
    folder: Path
    _judged: set[str] = field(default_factory=set)
    _used: set[Waiver] = field(default_factory=set)
    _contexts: dict[str, Context] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def findings(self, given: Given, provider: Given | None) -> list[Finding]:
        """Findings on a resource, and on its provider if that was not judged as a resource."""
        context = self.context(given.urn)
        custom = provider is not None or given.type.startswith("pulumi:providers:")
        findings = judge(_resource(given, custom=custom), context)
        with self._lock:
            # A provider is judged as a resource; one that is only in the state is judged here.
            is_new = provider is not None and provider.urn not in self._judged
            self._judged.add(given.urn)
        if provider is not None and is_new:
            findings += judge(_resource(provider, custom=True), context)
        with self._lock:
            self._used |= {finding.waiver for finding in findings if finding.waiver}
        return findings

    def unused_waivers(self, urns: Iterable[str]) -> list[Waiver]:
        """Waivers of the resources' stacks that no finding used."""
        all_urns = set(urns)
        stacks = {_stack_of(urn) for urn in all_urns}
        context = self.context(next(iter(all_urns), ""))
        # A resource that was left out of this run may still need its waiver.
        left_out = all_urns - self._judged
        return [
            waiver
            for waiver in context.waivers.valid(context.today)
            if waiver not in self._used
            and _is_of(waiver, stacks)
            and not any(_holds(waiver, urn) for urn in left_out)
        ]

    def context(self, urn: str) -> Context:
        """Context of the stack this resource is in."""
        stack = _stack_of(urn)
        with self._lock:
            if stack not in self._contexts:
                self._contexts[stack] = pack_context(self.environment, self.folder, urn)
            return self._contexts[stack]


def _resource(given: Given, *, custom: bool) -> Resource:
    return Resource(given.type, given.name, given.props, urn=given.urn, custom=custom)


def _holds(waiver: Waiver, urn: str) -> bool:
    head, _, name = urn.rpartition("::")
    type_ = head.rpartition("::")[2].split("$")[-1]
    return waiver.place.holds(urn=urn, type_=type_, name=name)


def _is_of(waiver: Waiver, stacks: set[str]) -> bool:
    """Whether the waiver is for one of these stacks, each with its project."""
    if waiver.place.urn:
        return _stack_of(waiver.place.urn) in stacks
    return waiver.place.stack in {stack_of(stack) for stack in stacks}


def _stack_of(urn: str) -> str:
    """The part of a URN that names stack and project; a waiver file serves several stacks."""
    return "::".join(urn.split("::")[:2])
