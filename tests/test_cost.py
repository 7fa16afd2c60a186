"""Yen by the hour, the month and the term follow from what a seller bills; unknown is never 0."""

from __future__ import annotations

from typing import Any

import pytest

from kokunai import catalog, cost
from kokunai.catalog import Offer, Price

BY_RULE = Price(jpy_per_hour=10, day_is_hours=10, month_is_days=20)
V100 = Price(jpy_per_hour=481, jpy_per_day=11_550, jpy_per_month=231_000)
ROW = catalog.offer(site="sakura-ishikari", gpu="h100")


def _offer(price: Price | None, **more: Any) -> Offer:
    confidence = "quote" if price is None else "published"
    return ROW.model_copy(update={"price": price, "confidence": confidence, **more})


@pytest.mark.parametrize(
    ("hours", "yen"),
    [
        (0, 0),
        (1, 10),
        (9, 90),
        (10, 100),
        (11, 100),
        (24, 100),
        (25, 110),
        (34, 200),
        (48, 200),
        (20 * 24, 2_000),
        (20 * 24 + 1, 2_000),
        (730, 2_000),
        (731, 2_010),
        (1_460, 4_000),
    ],
)
def test_ten_hours_are_a_day_and_twenty_days_are_a_month(hours: int, yen: int):
    assert cost.running(BY_RULE, 1, hours) == yen


@pytest.mark.parametrize(
    ("hours", "yen"),
    [(24, 24 * 481), (25, 25 * 481), (100, 100 * 481), (480, 480 * 481), (481, 231_000)],
)
def test_listed_prices_of_day_and_month_are_used_where_they_are_cheaper(hours: int, yen: int):
    assert cost.running(V100, 1, hours) == yen


@pytest.mark.parametrize(
    ("price", "gpus", "hour", "gpu_hour", "month"),
    [
        (Price(jpy_per_hour=990, jpy_per_month=385_000), 1, 990, 990, 385_000),
        (Price(jpy_per_hour=57.6), 1, 58, 58, 42_048),
        (Price(jpy_per_month=730_000), 8, 1_000, 125, 730_000),
        (Price(jpy_per_day=2_400), 1, 100, 100, 74_400),
        (Price(jpy_per_gpu_minute=22), 8, 10_560, 1_320, 7_708_800),
        (Price(points_per_gpu_minute=20, jpy_per_point=1), 8, 9_600, 1_200, 7_008_000),
        (Price(points_per_gpu_minute=20, jpy_per_point=1.1), 1, 1_320, 1_320, 963_600),
    ],
)
def test_every_unit_becomes_yen_by_the_hour_and_the_month(
    price: Price, gpus: int, hour: int, gpu_hour: int, month: int
):
    found = cost.of_servers(_offer(price, gpu_count=gpus), 1)

    assert (found.jpy_per_hour, found.jpy_per_gpu_hour, found.jpy_per_month) == (
        hour,
        gpu_hour,
        month,
    )


def test_servers_add_up_and_are_rounded_once():
    third = _offer(Price(jpy_per_hour=0.1))

    found = cost.of_servers(third, 25)

    assert (found.jpy_per_hour, found.jpy_per_gpu_hour) == (3, 1)
    assert cost.of_servers(third, 0).jpy_per_hour == 0


def test_a_term_is_paid_whole_and_without_one_there_is_no_figure():
    bound = _offer(Price(jpy_per_month=100, minimum_months=36))

    assert (cost.of_servers(bound, 2).term_months, cost.of_servers(bound, 2).jpy_per_term) == (
        36,
        7_200,
    )
    free = cost.of_servers(_offer(V100), 2)
    assert (free.term_months, free.jpy_per_term) == (0, None)


def test_the_term_of_a_contract_is_unknown_until_somebody_tells_it():
    quoted = _offer(None, obtained="contract")

    assert cost.of_servers(quoted, 1).term_months is None
    assert cost.of_servers(quoted, 1, cost.Own(V100, term_months=12)).term_months == 12
    assert cost.of_servers(_offer(V100, obtained="web-order"), 1).jpy_per_term is None


def test_the_fewest_points_that_can_be_bought_are_what_is_to_be_paid_at_least():
    price = Price(points_per_gpu_minute=1, jpy_per_point=1.1, minimum_points=100_000)

    assert cost.of_servers(_offer(price), 3).jpy_per_term == 110_000


def test_what_nobody_has_told_is_unknown_and_never_nothing():
    found = cost.of_servers(_offer(None, minimum_months=2), 3)

    assert (found.basis, found.tax, found.term_months) == ("quote", "not-stated", 2)
    yen = {key: value for key, value in found.as_data().items() if key.startswith("jpy")}
    assert len(yen) == 4
    assert set(yen.values()) == {None}


def test_a_figure_of_the_users_own_goes_before_the_catalogues():
    own = cost.Own(Price(jpy_per_month=2_000_000, tax="excluded"), term_months=12)

    for told in (None, V100):
        found = cost.of_servers(_offer(told, gpu_count=8, minimum_months=2), 3, own)
        assert (found.basis, found.tax, found.term_months) == ("own", "excluded", 12)
        assert (found.jpy_per_month, found.jpy_per_term) == (6_000_000, 72_000_000)


@pytest.mark.parametrize(
    ("told", "months", "month", "gpu_hour"),
    [
        ({"jpy_per_month": 7_300_000}, 12, 7_300_000, 625),
        ({"jpy_total": 87_600_000}, 12, 7_300_000, 625),
        ({"jpy_per_hour": 160}, None, 116_800, 10),
        ({"jpy_per_minute": 8}, None, 350_400, 30),
    ],
)
def test_the_price_of_a_contract_is_of_all_its_servers_together(
    told: dict[str, Any], months: int | None, month: int, gpu_hour: int
):
    offer = _offer(None, gpu_count=8, obtained="contract")
    own = cost.of_contract({**told, "tax_included": False}, months)

    found = cost.of_servers(offer, 2, own)

    assert (found.jpy_per_month, found.jpy_per_gpu_hour, found.tax) == (month, gpu_hour, "excluded")
    assert found.jpy_per_term == (month * months if months else None)


def test_a_contract_without_a_rate_leaves_the_price_unknown():
    assert cost.of_contract({}, 12) is None
    assert cost.of_contract({"jpy_per_point": 1}, 12) is None
    assert cost.of_contract({"jpy_total": 100}, None) is None


def test_a_contract_costs_the_same_before_its_servers_are_there():
    found = cost.of_servers(ROW, 0, cost.of_contract({"jpy_total": 200}, 3))

    assert (found.jpy_per_month, found.jpy_per_term) == (67, 200)
    assert found.jpy_per_gpu_hour is None


def test_whether_tax_is_in_it_and_whether_it_may_be_more_is_told():
    found = cost.of_servers(_offer(Price(jpy_per_hour=1, tax="included", is_lowest=True)), 1)

    assert (found.tax, found.is_lowest) == ("included", True)


def test_the_term_that_a_price_presumes_is_not_the_shortest_one():
    offer = _offer(Price(jpy_per_month=100, minimum_months=36), minimum_months=2)

    found = cost.of_servers(offer, 2)
    agreed = cost.of_servers(offer, 2, cost.Own(Price(jpy_per_month=120), term_months=2))

    assert (found.term_months, found.jpy_per_term) == (2, None)
    assert (agreed.term_months, agreed.jpy_per_term) == (2, 480)


@pytest.mark.parametrize(
    ("price", "month"),
    [
        (Price(jpy_per_hour=500, jpy_per_month=400_000), 365_000),
        (Price(jpy_per_day=10_000, jpy_per_month=400_000), 310_000),
        (Price(jpy_per_hour=600, jpy_per_month=400_000), 400_000),
    ],
)
def test_a_month_is_billed_at_the_cheapest_of_all_units(price: Price, month: int):
    assert cost.running(price, 1, cost.HOURS_OF_A_MONTH) == month
    assert cost.running(price, 1, 2 * cost.HOURS_OF_A_MONTH) == 2 * month


@pytest.mark.parametrize(("count", "month"), [(0, 4_000_000), (1, 2_000_000), (2, 4_000_000)])
def test_a_pool_bears_its_share_of_what_its_contract_delivers(count: int, month: int):
    own = cost.of_contract({"jpy_per_month": 4_000_000}, 12, delivered=2)

    found = cost.of_servers(_offer(None, gpu_count=8, obtained="contract"), count, own)

    assert (found.jpy_per_month, found.jpy_per_gpu_hour) == (month, 343)
    assert found.jpy_per_term == 12 * month


def test_more_servers_than_were_delivered_share_the_price_among_themselves():
    own = cost.of_contract({"jpy_per_month": 4_000_000}, None, delivered=1)

    found = cost.of_servers(_offer(None, gpu_count=8, obtained="contract"), 2, own)

    assert (found.jpy_per_month, found.jpy_per_gpu_hour) == (4_000_000, 343)
