"""Rows that say nothing of their source, or name rows that are not there, are refused alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from kokunai import catalog
from kokunai.catalog import facts
from support.catalogue import sellers

__all__ = ["sellers"]
SITE = "sakura-ishikari"
SOURCED = {"source": "a page", "as_of": "2026-11-28"}
OFFER: dict[str, Any] = {
    "site": SITE,
    "gpu": "h200",
    "gpu_count": 8,
    "platform": "nvidia-hgx-h200",
    "shape": "hgx-h200",
    "fabric": "sakura-phy-roce",
    "product": "H200x8",
    "seller": "highreso",
    "operator": "kddi",
    "obtained": "contract",
    "confidence": "published",
    "price": {"jpy_per_month": 2_000_000, "minimum_months": 3, "tax": "excluded"},
    "driver": "contract",
    **SOURCED,
}
GPU = {"vendor": "nvidia", "name": "X", "memory_gib": 1, "pci_vendor_id": "10de", **SOURCED}
PLACE = {"ja": "長野", "en": "Nagano", "country": "JP", "prefecture": "JP-20", "operator": "kddi"}
ROWS: dict[str, dict[str, Any]] = {
    "offers": OFFER,
    "gpus": GPU,
    "sites": {**PLACE, **SOURCED},
    "shapes": {"gpu_count": 8, **SOURCED},
    "fabrics": {"kind": "infiniband", "generation": "ndr", **SOURCED},
    "sellers": {"ja": "売り手", "en": "Seller", "operator": "kddi", **SOURCED},
}


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _write(sellers: Path, section: str, row: Any) -> list[str]:
    """Paths of what is wrong with the catalogue once it has this row."""
    text = yaml.safe_dump({section: {"spoilt": row}}, allow_unicode=True)
    (sellers / "made_up.yaml").write_text(text)
    return [problem.path for problem in catalog.problems()]


@pytest.mark.parametrize("section", ROWS)
def test_a_sound_row_of_every_section_is_read(sellers: Path, section: str):
    assert _write(sellers, section, ROWS[section]) == []


@pytest.mark.parametrize("section", ROWS)
@pytest.mark.parametrize("left_out", ["source", "as_of"])
def test_a_row_without_source_or_date_is_refused_alone(sellers: Path, section: str, left_out: str):
    problems = _write(sellers, section, _without(ROWS[section], left_out))

    assert problems == [f"made_up.yaml: {section}.spoilt.{left_out}"]
    assert catalog.offer(site=SITE, gpu="v100").key == "sakura-vrt-v100"


@pytest.mark.parametrize("source", ["", " ", 3, None])
def test_a_source_says_something(sellers: Path, source: Any):
    assert _write(sellers, "offers", {**OFFER, "source": source}) == [
        "made_up.yaml: offers.spoilt.source"
    ]


@pytest.mark.parametrize(
    "price",
    [
        990,
        "990",
        {},
        {"amount": 990},
        {"tax": "included"},
        {"minimum_months": 2},
        {"jpy_per_hour": 0},
        {"jpy_per_hour": -1},
        {"jpy_per_hour": "990"},
        {"jpy_per_hour": True},
        {"jpy_per_hour": float("inf")},
        {"jpy_per_hour": float("nan")},
        {"jpy_per_month": None},
        {"usd_per_hour": 3},
        {"points_per_gpu_minute": 20},
        {"jpy_per_point": 1},
        {"jpy_per_month": 1, "day_is_hours": 10},
        {"jpy_per_hour": 1, "month_is_days": 20},
        {"jpy_per_hour": 1, "tax": "maybe"},
    ],
)
def test_a_price_without_a_unit_or_amount_is_refused(sellers: Path, price: Any):
    [problem] = _write(sellers, "offers", {**OFFER, "price": price})

    assert problem.startswith("made_up.yaml: offers.spoilt.price")


@pytest.mark.parametrize(
    "price",
    [
        {"jpy_per_hour": 57.6},
        {"jpy_per_gpu_minute": 22, "is_lowest": True},
        {"points_per_gpu_minute": 20, "jpy_per_point": 1, "minimum_points": 100_000},
        {"jpy_per_hour": 10, "day_is_hours": 10, "month_is_days": 20},
    ],
)
def test_every_unit_of_a_price_list_is_read(sellers: Path, price: Any):
    assert _write(sellers, "offers", {**OFFER, "price": price}) == []


def test_a_quote_with_a_price_and_a_published_offer_without_one_are_refused(sellers: Path):
    without = _without(OFFER, "price")

    for row, said in [
        ({**OFFER, "confidence": "quote"}, "must be left out"),
        (without, "price is missing"),
        ({**without, "confidence": "secondary"}, "price is missing"),
        (_without(without, "confidence"), "price is missing"),
    ]:
        _write(sellers, "offers", row)
        catalog.rows._files.cache_clear()
        catalog.rows.section.cache_clear()
        [problem] = catalog.problems()
        assert said in problem.en
    assert _write_again(sellers, {**without, "confidence": "quote"}) == []


def _write_again(sellers: Path, row: Any) -> list[str]:
    catalog.rows._files.cache_clear()
    catalog.rows.section.cache_clear()
    return _write(sellers, "offers", row)


@pytest.mark.parametrize(
    "field", ["site", "gpu", "platform", "shape", "fabric", "seller", "operator"]
)
def test_a_key_of_a_row_that_nobody_has_is_refused_with_those_there_are(sellers: Path, field: str):
    _write(sellers, "offers", {**OFFER, field: "nowhere"})

    [problem] = catalog.problems()
    assert problem.path == f"made_up.yaml: offers.spoilt.{field}"
    assert "there is no row nowhere; allowed: " in problem.en
    assert str(OFFER[field]) in problem.ja
    assert "sakura-vrt-h100" in {row.key for row in catalog.offers()}


def test_a_site_or_a_seller_of_an_unknown_operator_is_refused(sellers: Path):
    assert _write(sellers, "sites", {**ROWS["sites"], "operator": "nobody"}) == [
        "made_up.yaml: sites.spoilt.operator"
    ]
    assert "kddi-sakai" in catalog.sites()


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("sites", {"prefecture": "Nagano"}),
        ("sites", {"access": ["satellite"]}),
        ("shapes", {"gpu_count": 0}),
        ("shapes", {"arch": "x86"}),
        ("shapes", {"local_disks": [{"size_gib": 10}]}),
        ("fabrics", {"kind": "token-ring"}),
        ("fabrics", {"kind": "roce-v2"}),
        ("offers", {"obtained": "wish"}),
        ("offers", {"confidence": "rumour"}),
        ("offers", {"ends_on": "soon"}),
        ("gpus", {"kernel_modules": "free"}),
    ],
)
def test_a_word_that_a_section_does_not_know_is_refused(
    sellers: Path, section: str, change: dict[str, Any]
):
    [problem] = _write(sellers, section, {**ROWS[section], **change})

    assert problem.startswith(f"made_up.yaml: {section}.spoilt")


def test_a_certification_holds_from_its_first_day_to_its_last():
    given = facts.Certification(
        scheme="ISMAP",
        entity="A",
        valid_from=date(2026, 4, 1),
        valid_until=date(2027, 3, 31),
        source="a page",
        as_of=date(2026, 11, 28),
    )

    days = [date(2026, 3, 31), date(2026, 4, 1), date(2027, 3, 31), date(2027, 4, 1)]
    assert [given.is_valid(day) for day in days] == [False, True, True, False]
    certified = {key for key, row in facts.operators().items() if row.certifications}
    assert certified == {"sakura", "kddi", "highreso"}
