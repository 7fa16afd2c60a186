"""A pool's outputs say in one map from whom it is bought, who runs it where, and for how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import kokunai
from kokunai import model, price_file
from kokunai.errors import KokunaiError
from support.example_stack import VALUES
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root"]
OWN = {
    "price": {"jpy_per_month": 300_000, "tax": "excluded"},
    "source": "contract 12",
    "as_of": "2026-11-28",
    "term_months": 12,
}


def _offers(recorder: Recorder, root: Path) -> dict[str, Any]:
    made: list[kokunai.Environment] = []
    spec = model.Environment.model_validate(VALUES)
    declared(recorder, lambda: made.append(kokunai.Environment(spec, root=root)))
    return made[0].offers


def _write(root: Path, prices: Any) -> None:
    text = yaml.safe_dump({"prices": prices}, allow_unicode=True)
    (root / price_file.NAME).write_text(text)


def test_the_outputs_of_a_pool_name_the_purchase_once_for_all_nodes(recorder: Recorder, root: Path):
    [offer] = _offers(recorder, root).values()

    assert offer == {
        "offer": "sakura-vrt-h100",
        "seller": "sakura",
        "operator": "sakura",
        "site": "sakura-ishikari",
        "access": "internet",
        "obtained": "api",
        "node_count": 2,
        "gpu_count": 2,
        "basis": "secondary",
        "tax": "included",
        "jpy_per_hour": 1_980,
        "jpy_per_gpu_hour": 990,
        "jpy_per_month": 770_000,
        "term_months": 0,
    }


def test_a_price_of_the_projects_own_goes_before_the_catalogues(recorder: Recorder, root: Path):
    _write(root, {"sakura-vrt-h100": OWN})

    [offer] = _offers(recorder, root).values()

    assert (offer["basis"], offer["tax"], offer["jpy_per_month"]) == ("own", "excluded", 600_000)
    assert (offer["term_months"], offer["jpy_per_term"]) == (12, 7_200_000)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({"sakura-vrt-h100": {**OWN, "source": ""}}, 'prices["sakura-vrt-h100"].source'),
        ({"sakura-vrt-h100": {**OWN, "price": 990}}, 'prices["sakura-vrt-h100"].price'),
        ({"sakura-vrt-h100": {**OWN, "price": {}}}, "has no unit"),
        ({"sakura-vrt-h100": {**OWN, "as_of": "today"}}, "must be a date such as"),
        ({"sakura-vrt-h300": OWN}, "that the catalogue lacks: sakura-vrt-h300; allowed: "),
        ([], "prices: must be a mapping"),
    ],
)
def test_a_mistake_in_the_prices_is_told_before_anything_is_declared(
    recorder: Recorder, root: Path, prices: Any, said: str
):
    _write(root, prices)

    with pytest.raises(KokunaiError) as refused:
        _offers(recorder, root)

    assert said in refused.value.en
    assert "kokunai-prices.yaml" in refused.value.ja
    assert recorder.seen == {}


def test_a_price_file_that_is_no_yaml_or_repeats_a_key_is_refused(tmp_path: Path):
    for text in ("prices: [", "prices: {}\nprices: {}\n", "\x00"):
        (tmp_path / price_file.NAME).write_text(text)
        with pytest.raises(KokunaiError, match="is not YAML"):
            price_file.read(tmp_path)


def test_what_is_written_is_read_again_and_leaves_no_draft(tmp_path: Path):
    _write(tmp_path, {"kddi-gb200-nvl72": OWN})
    prices = price_file.read(tmp_path)

    price_file.write(tmp_path, prices)

    assert price_file.read(tmp_path) == prices
    assert [path.name for path in tmp_path.iterdir()] == [price_file.NAME]
    assert "jpy_per_month: 300000\n" in (tmp_path / price_file.NAME).read_text()


def test_a_quote_takes_its_figure_from_the_users_own_file(tmp_path: Path):
    _write(tmp_path, {"kddi-gb200-nvl72": OWN})

    assert price_file.read(tmp_path)["kddi-gb200-nvl72"].own.term_months == 12
