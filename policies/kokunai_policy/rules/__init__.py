"""The judge function of every rule, by rule id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kokunai_policy.rules import (
    escapes,
    labels,
    network_sources,
    operators,
    places,
    regions,
    state,
    waivers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kokunai_policy.model import Inspected, Judgement

JUDGES: Final[dict[str, Callable[[Inspected], Iterable[Judgement]]]] = {
    "KN-LOC-01": places.judge_site,
    "KN-LOC-02": regions.judge_locations,
    "KN-LOC-06": regions.judge_every_value,
    "KN-OPR-01": operators.judge_endpoint,
    "KN-CLS-01": labels.judge_class,
    "KN-NTP-01": network_sources.judge_time,
    "KN-DNS-01": network_sources.judge_resolvers,
    "KN-PKG-01": network_sources.judge_packages,
    "KN-STA-01": state.judge_backend,
    "KN-STA-02": state.judge_secrets,
    "KN-ESC-01": escapes.judge_execution,
    "KN-ESC-07": waivers.judge_hygiene,
    "KN-ESC-08": escapes.judge_type,
}
"""A judge that yields nothing does not apply to the resource."""
