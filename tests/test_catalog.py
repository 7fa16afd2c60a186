"""The catalogue answers with what is for sale, and every row says where it comes from."""

from datetime import date

import pytest

from kokunai import catalog
from kokunai.errors import KokunaiError


def test_an_unknown_gpu_is_refused_with_what_the_site_sells():
    with pytest.raises(KokunaiError) as refusal:
        catalog.offer(site="sakura-ishikari", gpu="h300")

    assert "販売中: h100, v100" in str(refusal.value)
    assert "it sells: h100, v100" in str(refusal.value)


def test_an_unknown_site_is_refused_with_all_sites():
    with pytest.raises(KokunaiError, match="sakura-ishikari"):
        catalog.site("us-east-1")


def test_every_offer_stands_on_rows_that_exist():
    for offer in catalog.offers():
        assert offer.site in catalog.sites()
        assert offer.gpu in catalog.gpus()
        assert offer.terms["zone"] in catalog.site(offer.site).zones


def test_every_row_has_a_source_and_a_date():
    images = catalog.images().values()
    sold = [*catalog.offers(), *catalog.services()]
    rows = [*catalog.sites().values(), *catalog.gpus().values(), *sold, *images]

    assert images
    assert catalog.problems() == []
    assert all(row.source and isinstance(row.as_of, date) for row in rows)


def test_a_price_belongs_to_every_offer():
    prices = [offer.price for offer in catalog.offers()]

    assert prices
    assert all((price.jpy_per_hour or price.jpy_per_month or 0) > 0 for price in prices)
