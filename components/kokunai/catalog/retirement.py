"""Says when a GPU or an offer ends: a refusal once it has, a warning for the year before."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from kokunai import catalog
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from kokunai.catalog import Offer

_JAPAN = timezone(timedelta(hours=9))
_WARNED_DAYS = 365


def today() -> date:
    """The date in Japan, where contracts and announcements count their days."""
    return datetime.now(_JAPAN).date()


def last_day(offer: Offer) -> date | None:
    """The last day of the offer or of its GPU, whichever comes first; None where none is known."""
    gpu = catalog.gpus().get(offer.gpu)
    known = [day for day in (offer.ends_on, gpu.ends_on if gpu else None) if day is not None]
    return min(known, default=None)


def has_ended(offer: Offer, on: date) -> bool:
    """Whether nobody can have it any more on this day."""
    last = last_day(offer)
    return last is not None and last < on


def refuse_ended(offer: Offer, on: date) -> None:
    """Raises KokunaiError for what has ended, with what the site sells instead."""
    if not has_ended(offer, on):
        return
    others = [
        row
        for row in catalog.offers()
        if row.site == offer.site and row.key != offer.key and not has_ended(row, on)
    ]
    listed = ", ".join(f"{row.key} (gpu: {row.gpu})" for row in others)
    raise KokunaiError(
        ja=f"{offer.key}（GPU {offer.gpu}）は {last_day(offer)} で終了しました。"
        f"{offer.site} で指定できるもの: {listed or 'なし'}",
        en=f"{offer.key} (GPU {offer.gpu}) ended on {last_day(offer)}; "
        f"{offer.site} sells: {listed or 'nothing else'}",
    )


def warning(offer: Offer, on: date) -> tuple[str, str] | None:
    """What a preview says in Japanese and English of an end within a year, else None."""
    last = last_day(offer)
    if last is None or not on <= last <= on + timedelta(days=_WARNED_DAYS):
        return None
    left = (last - on).days
    what = f"{offer.key}（GPU {offer.gpu}）"
    ja = f"{what}は {last} で終了します（残り {left} 日）。それまでに移す先を決めてください。"
    en = f"{offer.key} (GPU {offer.gpu}) ends on {last}, in {left} days; decide where to move"
    return ja, f"{en} the work before then."
