"""What servers cost in yen by the hour, the month and the term; what is unknown stays None."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kokunai.catalog import Offer, Price

HOURS_OF_A_DAY = 24
HOURS_OF_A_MONTH = 730
"""The twelfth of a year's 8,760 hours: what a month of running is taken for."""
_MINUTES = 60
Basis = Literal["published", "secondary", "quote", "own"]


@dataclass(frozen=True)
class Own:
    """A figure of the user's own, from a contract, an invoice or a refreshed price list."""

    price: Price
    term_months: int | None = None
    """Of the contract; None where it says nothing else than the catalogue."""


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
    jpy_per_month: int | None
    """A month of running without a pause, at the cheapest of what the seller bills."""
    term_months: int | None
    """Shortest term, or that of the contract; 0 where it can be ended at any time, None where
    nobody has told it."""
    jpy_per_term: int | None
    """What is to be paid at least, whether the servers run or not; None without a term, too."""

    def as_data(self) -> dict[str, Any]:
        """As outputs and JSON show it."""
        return dict(vars(self))


def of_servers(offer: Offer, count: int, own: Own | None = None) -> Cost:
    """The cost of `count` servers of an offer; `own` goes before the price of the catalogue."""
    price = own.price if own else offer.price
    term = _term(offer, own)
    if price is None:
        return Cost("quote", "not-stated", False, None, None, None, term, None)
    hour = _hour(price, offer.gpu_count)
    month = running(price, offer.gpu_count, HOURS_OF_A_MONTH)
    return Cost(
        basis="own" if own else offer.confidence,
        tax=price.tax,
        is_lowest=price.is_lowest,
        jpy_per_hour=math.ceil(hour * count),
        jpy_per_gpu_hour=math.ceil(hour / offer.gpu_count),
        jpy_per_month=math.ceil(month * count),
        term_months=term,
        jpy_per_term=_least(price, month * count * (term or 0)),
    )


def _term(offer: Offer, own: Own | None) -> int | None:
    """What is made by API can be ended at any time; an order or a contract has to say so."""
    if own is not None and own.term_months is not None:
        return own.term_months
    price = own.price if own else offer.price
    months = max(offer.minimum_months, price.minimum_months if price else 0)
    return months if months or offer.obtained == "api" else None


def _least(price: Price, whole_term: Fraction) -> int | None:
    """What a term costs, and no less than the points that have to be bought at once."""
    points = _exact(price.minimum_points) * _exact(price.jpy_per_point or 0)
    return math.ceil(max(whole_term, points)) or None


def running(price: Price, gpu_count: int, hours: int) -> Fraction:
    """Yen for one server that runs so many hours on end: the cheapest of hours, days and months.

    Prices of a day or a month that the list leaves out follow from its rule, such as Sakura's "10
    hours are a day, 20 days are a month".
    """
    month = _month_price(price)
    if month is None:
        return _days(price, gpu_count, hours)
    months, rest = divmod(hours, HOURS_OF_A_MONTH)
    return months * month + min(_days(price, gpu_count, rest), month)


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
