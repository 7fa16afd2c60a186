"""Several offers for one GPU, and rows that are broken: each spoils only itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kokunai import capacity, catalog, resolved, stack_file
from kokunai.catalog import facts, rows
from kokunai.errors import KokunaiError
from kokunai.model import GpuNodePool
from support.catalogue import sellers

__all__ = ["sellers"]
SITE, GPU = "sakura-ishikari", "h100"
SAKURA = yaml.safe_load(
    (Path(catalog.__file__).parent / "sellers/sakura.yaml").read_text(encoding="utf-8")
)
DIRECT = SAKURA["offers"]["sakura-vrt-h100"]
RESOLD = {**DIRECT, "seller": "highreso", "price": {"jpy_per_hour": 900}}


def _sell(sellers: Path, offers: dict[str, Any], name: str = "other.yaml") -> None:
    (sellers / name).write_text(yaml.safe_dump({"offers": offers}, allow_unicode=True))


def test_a_pair_that_is_sold_twice_is_refused_with_the_keys(sellers: Path):
    _sell(sellers, {"highreso-vrt-h100": RESOLD})

    with pytest.raises(KokunaiError) as refusal:
        catalog.offer(site=SITE, gpu=GPU)

    keys = "highreso-vrt-h100 (highreso), sakura-vrt-h100 (sakura)"
    assert f"write one as offer: {keys}" in refusal.value.en
    assert f"offer に次のどれかを書いてください: {keys}" in refusal.value.ja


def test_a_key_chooses_among_offers(sellers: Path):
    _sell(sellers, {"highreso-vrt-h100": RESOLD})

    chosen = catalog.offer(site=SITE, gpu=GPU, key="highreso-vrt-h100")

    assert (chosen.seller, chosen.operator) == ("highreso", "sakura")
    assert catalog.offer(site=SITE, gpu=GPU, key="sakura-vrt-h100").seller == "sakura"


def test_a_stack_file_is_asked_for_the_offer_at_its_own_path(sellers: Path):
    _sell(sellers, {"highreso-vrt-h100": RESOLD})
    pool = {"name": "train", "site": SITE, "gpu": GPU, "node_count": 1}
    stack = {
        "name": "two",
        "data_class": "internal",
        "access": {"private_key_file": "id", "ssh_from": ["192.0.2.0/24"]},
    }

    with pytest.raises(KokunaiError, match=r"pools\[0\]\.gpu: .* in several ways"):
        stack_file.read({**stack, "pools": [pool]})
    both = [
        {**pool, "offer": "sakura-vrt-h100"},
        {**pool, "name": "resold", "offer": "highreso-vrt-h100"},
    ]
    read = stack_file.read({**stack, "pools": both})

    assert [resolved.offer_of(row).seller for row in read.pools] == ["sakura", "highreso"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**DIRECT, "gpu": "b300", "price": {"jpy_per_hour": 0}}, "price.jpy_per_hour"),
        ({**DIRECT, "gpu": "b300", "colour": "red"}, "colour"),
        ({"site": SITE, "gpu": "b300"}, "other.yaml: offers.spoilt"),
    ],
)
def test_a_broken_row_says_why_when_it_is_asked_for_and_spoils_nothing_else(
    sellers: Path, row: dict[str, Any], said: str
):
    (sellers / "other.yaml").write_text(yaml.safe_dump({"offers": {"spoilt": row}}))

    with pytest.raises(KokunaiError) as refusal:
        catalog.offer(site=SITE, gpu="b300")

    assert said in refusal.value.en
    assert [said in problem.path for problem in catalog.problems()] == [True]
    assert catalog.offer(site=SITE, gpu=GPU).key == "sakura-vrt-h100"


def test_a_file_that_is_no_yaml_is_told_and_spoils_nothing_else(sellers: Path):
    (sellers / "other.yaml").write_text("offers: [")

    assert [problem.path for problem in catalog.problems()] == ["other.yaml"]
    assert catalog.offer(site=SITE, gpu=GPU).key == "sakura-vrt-h100"


def test_a_key_that_is_given_twice_is_sold_by_neither(sellers: Path):
    _sell(sellers, {"sakura-vrt-h100": RESOLD})

    with pytest.raises(KokunaiError, match="given twice"):
        catalog.offer(site=SITE, gpu=GPU)

    assert catalog.offer(site=SITE, gpu="v100").key == "sakura-vrt-v100"


def test_an_offer_of_a_driver_that_this_version_lacks_is_refused_by_name(sellers: Path):
    _sell(sellers, {"acme-b200": {**DIRECT, "gpu": "b200", "driver": "acme"}})
    pool = GpuNodePool(name="train", site=SITE, gpu="b200", node_count=1)

    with pytest.raises(KokunaiError, match=r"no driver acme; it has: .*sakura-iaas"):
        capacity.door(resolved.offer_of(pool).driver)


def test_keys_of_offers_are_unique_over_all_files():
    written = [key for _, key, _ in rows.written("offers")]

    assert len(written) == len(set(written)) > 0


def test_a_broken_operator_is_left_out_and_its_hosts_are_not_domestic(sellers: Path):
    host = {"host": "api.acme.example", "operator": "acme", "source": "x", "as_of": "2026-11-28"}
    written = {"operators": {"acme": {"ja": "a"}}, "hosts": {"api": [host, {"host": 1}]}}
    (sellers / "acme.yaml").write_text(yaml.safe_dump(written))

    known = {found.host: found.domestic for found in facts.hosts("api")}

    assert known["api.acme.example"] is False
    assert known["secure.sakura.ad.jp"] is True


def test_a_broken_provider_section_is_one_message_with_its_place(sellers: Path):
    (sellers / "acme.yaml").write_text(
        yaml.safe_dump({"provider": {"source": "x", "as_of": 1, "endpoints": "x"}})
    )

    with pytest.raises(KokunaiError, match=r"acme\.yaml: provider\.endpoints: must be a mapping"):
        facts.seller_providers()
