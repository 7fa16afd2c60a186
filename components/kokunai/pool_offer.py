"""What a pool's outputs say of its purchase: from whom, run by whom, where, for how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai import cost
from kokunai.catalog import retirement

if TYPE_CHECKING:
    from datetime import date

    from kokunai import resolved


def described(
    pool: resolved.Pool, own: cost.Own | None = None, paid_until: date | None = None
) -> dict[str, Any]:
    """One map for the whole pool, however many nodes it has.

    `own` is the user's own price; `paid_until` the last day that a contract is paid for, None
    where nothing is paid in advance.
    """
    offer = pool.offer
    last = retirement.last_day(offer)
    return {
        "offer": offer.key,
        "seller": offer.seller,
        "operator": offer.operator,
        "site": offer.site,
        "access": list(pool.site.access),
        "obtained": offer.obtained,
        "node_count": len(pool.nodes),
        "gpu_count": len(pool.nodes) * offer.gpu_count,
        **cost.of_servers(offer, len(pool.nodes), own).as_data(),
        "paid_until": paid_until.isoformat() if paid_until else None,
        "ends_on": last.isoformat() if last else None,
    }
