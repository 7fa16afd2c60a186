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
        assert catalog.shapes()[str(offer.shape)].gpu_count == offer.gpu_count
        if offer.obtained == "api":
            assert offer.terms["zone"] in catalog.site(offer.site).zones
            assert offer.terms["cpu_count"] == catalog.shapes()[str(offer.shape)].vcpu_count
            assert offer.terms["memory_gib"] == catalog.shapes()[str(offer.shape)].ram_gib


def test_every_row_has_a_source_and_a_date():
    images = catalog.images().values()
    sold = [*catalog.offers(), *catalog.services()]
    rows = [*catalog.sites().values(), *catalog.gpus().values(), *sold, *images]

    assert images
    assert catalog.problems() == []
    assert all(row.source and isinstance(row.as_of, date) for row in rows)


def test_a_price_belongs_to_every_offer_that_is_no_quote():
    prices = {offer.key: offer.price for offer in catalog.offers() if offer.confidence != "quote"}

    assert len(prices) >= 5
    assert all(prices.values())
    assert {offer.key for offer in catalog.offers() if offer.price is None} == {
        "highreso-h200",
        "highreso-kddi-gb200",
        "kddi-gb200-nvl72",
        "sakura-phy-b200",
        "sakura-phy-h200",
    }


def test_what_is_under_contract_is_sold_at_every_operator_and_a_resold_row_names_both():
    sold = {offer.key: offer for offer in catalog.offers()}

    resold = sold["highreso-kddi-gb200"]
    assert (resold.seller, resold.operator, resold.site) == ("highreso", "kddi", "kddi-sakai")
    assert {row.operator for row in sold.values()} == {"sakura", "kddi", "highreso"}
    assert catalog.shapes()["gb200-nvl72-tray"].nvlink_domain_gpus == 72
    assert catalog.gpu("gb200").arch == catalog.shapes()["gb200-nvl72-tray"].arch == "arm64"


def test_ishikari_and_ishikawa_are_two_prefectures():
    prefectures = {key: site.prefecture for key, site in catalog.sites().items()}

    assert prefectures["sakura-ishikari"] == "JP-01"
    assert prefectures["highreso-shika"] == "JP-17"
    assert prefectures["highreso-genkai"] == "JP-41"


def test_a_gpu_that_is_made_by_api_needs_no_key_beside_what_is_under_contract():
    assert catalog.offer(site="sakura-ishikari", gpu="h100").key == "sakura-vrt-h100"
    assert catalog.offer(site="sakura-ishikari", gpu="h100", key="sakura-phy-h100").gpu_count == 8


def test_what_can_only_be_had_by_contract_from_two_sellers_needs_the_key():
    with pytest.raises(KokunaiError, match="highreso-kddi-gb200 \\(highreso\\), kddi-gb200-nvl72"):
        catalog.offer(site="kddi-sakai", gpu="gb200")


def test_every_site_where_only_contracts_sell_takes_networks_of_a_contract():
    for site in catalog.sites().values():
        if site.operator in {"highreso", "kddi"}:
            assert catalog.service(site.key).driver == "contract"


def test_what_no_source_says_is_left_out_or_said():
    shapes, sold = catalog.shapes(), {offer.key: offer for offer in catalog.offers()}

    assert shapes["vrt-v100"].local_disks is None
    [disk] = shapes["vrt-h100"].local_disks or ()
    assert (disk.count, disk.size_gib) == (None, 7065)
    assert sold["highreso-b200"].price
    assert not sold["highreso-b200"].price.minimum_points
    assert "not published" in sold["sakura-phy-b200"].note
    assert "Genkai" in sold["highreso-a4000"].note
