"""What servers cost in yen by the hour, the month and the term; what is unknown stays None."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from kokunai.catalog import Price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.catalog import Offer

HOURS_OF_A_DAY = 24
HOURS_OF_A_MONTH = 730
"""The twelfth of a year's 8,760 hours: what a month of running is taken for."""
_MINUTES = 60
_CONTRACT_UNITS = ("jpy_per_hour", "jpy_per_day", "jpy_per_month")
_TAX_OF_A_CONTRACT: dict[bool | None, Literal["included", "excluded", "not-stated"]] = {
    True: "included",
    False: "excluded",
    None: "not-stated",
}
Basis = Literal["published", "secondary", "quote", "own"]


@dataclass(frozen=True)
class Own:
    """A figure of the user's own, from a contract, an invoice or a refreshed price list."""

    price: Price
    term_months: int | None = None
    """Of the contract; None where it says nothing else than the catalogue."""
    is_whole: bool = False
    """True where the price is of all servers together, as a contract writes it."""
    delivered: int | None = None
    """How many servers such a contract has delivered; None before, or where it does not say."""


@dataclass(frozen=True)
class Cost:
    """Whole yen, rounded up, for all servers together; None where nobody has told a price."""

    basis: Basis
    """Whose word the price is; `quote` where there is none."""
    tax: Literal["included", "excluded", "not-stated"]
    is_lowest: bool
    """Whether the seller says `from`, so that it may be more."""
    jpy_per_hour: int | None
    """Where a price knows months only, the 730th part of one."""
    jpy_per_gpu_hour: int | None
    """None, too, where there are no servers to share a price of all together."""
    jpy_per_month: int | None
    """A month of running without a pause, at the cheapest of what the seller bills."""
    term_months: int | None
    """Shortest term, or that of the contract; 0 where it can be ended at any time, None where
    nobody has told it."""
    jpy_per_term: int | None
    """What is to be paid at least, whether the servers run or not; None without a term, too, and
    where the price presumes a longer one."""

    def as_data(self) -> dict[str, Any]:
        """As outputs and JSON show it."""
        return dict(vars(self))


def of_contract(
    told: Mapping[str, Any], term_months: int | None, delivered: int | None = None
) -> Own | None:
    """The price of a contract file, of all its servers together; None where no rate follows.

    `told` has `jpy_per_minute`, `_hour`, `_day`, `_month`, or `jpy_total` for the whole term, and
    `tax_included`; `delivered` says how many servers it is for.
    """
    rates = {unit: told[unit] for unit in _CONTRACT_UNITS if told.get(unit)}
    if told.get("jpy_per_minute"):
        rates.setdefault("jpy_per_hour", _MINUTES * told["jpy_per_minute"])
    if told.get("jpy_total") and term_months:
        rates.setdefault("jpy_per_month", told["jpy_total"] / term_months)
    if not rates:
        return None
    tax = _TAX_OF_A_CONTRACT[told.get("tax_included")]
    return Own(Price(**rates, tax=tax), term_months, is_whole=True, delivered=delivered or None)


def of_servers(offer: Offer, count: int, own: Own | None = None) -> Cost:
    """The cost of `count` servers of an offer; `own` goes before the price of the catalogue."""
    price = own.price if own else offer.price
    term = _term(offer, own)
    if price is None:
        return Cost("quote", "not-stated", False, None, None, None, term, None)
    gpus, times = _priced_together(offer, count, own)
    hour = _hour(price, gpus)
    month = running(price, gpus, HOURS_OF_A_MONTH)
    return Cost(
        basis="own" if own else offer.confidence,
        tax=price.tax,
        is_lowest=price.is_lowest,
        jpy_per_hour=_yen(hour * times),
        jpy_per_gpu_hour=_yen(hour / gpus) if gpus else None,
        jpy_per_month=_yen(month * times),
        term_months=term,
        jpy_per_term=_least(price, month * times, term, own),
    )


def _priced_together(offer: Offer, count: int, own: Own | None) -> tuple[int, Fraction]:
    """For how many GPUs the price stands, and how many times it is paid for `count` servers.

    Servers that a contract delivers beside these bear their share of its price.
    """
    if own is None or not own.is_whole:
        return offer.gpu_count, Fraction(count)
    together = max(own.delivered or 0, count)
    return offer.gpu_count * together, Fraction(count, together) if count else Fraction(1)


def _term(offer: Offer, own: Own | None) -> int | None:
    """What is made by API can be ended at any time; an order or a contract has to say so."""
    if own is not None and own.term_months is not None:
        return own.term_months
    price = own.price if own else offer.price
    months = offer.minimum_months or (price.minimum_months if price else 0)
    return months if months or offer.obtained == "api" else None


def _least(price: Price, month: Fraction, term: int | None, own: Own | None) -> int | None:
    """What a term costs, and no less than the points that have to be bought at once.

    A price that presumes a longer term says nothing of a shorter one, unless that was agreed.
    """
    is_agreed = own is not None and own.term_months is not None
    is_priced = is_agreed or (term or 0) >= price.minimum_months
    points = _exact(price.minimum_points) * _exact(price.jpy_per_point or 0)
    whole_term = month * (term or 0) if is_priced else Fraction(0)
    return _yen(max(whole_term, points)) or None


def running(price: Price, gpu_count: int, hours: int) -> Fraction:
    """Yen for one server that runs so many hours on end: the cheapest of hours, days and months.

    Prices of a day or a month that the list leaves out follow from its rule, such as Sakura's "10
    hours are a day, 20 days are a month".
    """
    month = _month_price(price)
    if month is None:
        return _days(price, gpu_count, hours)
    months, rest = divmod(hours, HOURS_OF_A_MONTH)
    whole = min(month, _days(price, gpu_count, HOURS_OF_A_MONTH))
    return months * whole + min(_days(price, gpu_count, rest), month)


def _days(price: Price, gpu_count: int, hours: int) -> Fraction:
    """Hours and days without the cap of a month, a whole month where only that is billed."""
    by_hour, by_day = _hour_price(price, gpu_count), _day_price(price)
    days, rest = divmod(hours, HOURS_OF_A_DAY)
    if by_day is None:
        whole_month = (_month_price(price) or Fraction(0)) if hours else Fraction(0)
        return whole_month if by_hour is None else hours * by_hour
    if by_hour is None:
        return by_day * (days + bool(rest))
    whole = days * min(by_day, HOURS_OF_A_DAY * by_hour)
    return whole + min(rest * by_hour, by_day)


def _hour(price: Price, gpu_count: int) -> Fraction:
    """Yen of an hour of one server, the fraction of a day or a month where it is billed so."""
    if (by_hour := _hour_price(price, gpu_count)) is not None:
        return by_hour
    if (by_day := _day_price(price)) is not None:
        return by_day / HOURS_OF_A_DAY
    return (_month_price(price) or Fraction(0)) / HOURS_OF_A_MONTH


def _hour_price(price: Price, gpu_count: int) -> Fraction | None:
    """Yen of an hour of one server where hours or minutes are billed, the cheapest."""
    told = []
    if price.jpy_per_hour:
        told.append(_exact(price.jpy_per_hour))
    if price.jpy_per_gpu_minute:
        told.append(_exact(price.jpy_per_gpu_minute) * _MINUTES * gpu_count)
    if price.points_per_gpu_minute and price.jpy_per_point:
        points = _exact(price.points_per_gpu_minute) * _MINUTES * gpu_count
        told.append(points * _exact(price.jpy_per_point))
    return min(told) if told else None


def _day_price(price: Price) -> Fraction | None:
    if price.jpy_per_day:
        return _exact(price.jpy_per_day)
    if price.day_is_hours and price.jpy_per_hour:
        return price.day_is_hours * _exact(price.jpy_per_hour)
    return None


def _month_price(price: Price) -> Fraction | None:
    if price.jpy_per_month:
        return _exact(price.jpy_per_month)
    day = _day_price(price)
    return price.month_is_days * day if price.month_is_days and day is not None else None


def _exact(amount: float) -> Fraction:
    """The amount as it was written: 57.6 is 576/10, which a binary number is not."""
    return Fraction(str(amount))


def _yen(exact: Fraction) -> int:
    """Whole yen, rounded up; less than a thousandth is what a division has left over."""
    return max(1, math.ceil(exact - Fraction(1, 1000))) if exact else 0
