"""`kokunai offers`: the table, its filters, and what a refreshed price list changes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from kokunai import price_file
from kokunai.cli import local, main, outputs, price_refresh
from kokunai.drivers import sakura_prices
from kokunai.lab.application import build
from kokunai.lab.delays import Delays
from kokunai.lab.machines import NoMachines
from kokunai.lab.places import Places
from kokunai.lab.sakura_iaas import provider_data
from kokunai.lab.services import Services
from kokunai.language import width
from support.catalogue import sellers

__all__ = ["sellers"]
URL = "https://secure.sakura.ad.jp/cloud/zone"
LIST = f"{URL}/is1a/api/cloud/1.1/public/price.json"


def _run(*arguments: str) -> int:
    try:
        main(["offers", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, entered."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _offers(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    assert _run("--json", *arguments) == 0
    return {row["offer"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("language", ["ja", "en", "both"])
def test_columns_begin_at_the_same_place_in_every_language(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", language)

    assert _run("--site", "sakura-ishikari") == 0

    head, *lines = capsys.readouterr().out.splitlines()
    starts = {
        width(line[: line.index(word)])
        for line in lines
        for word in ("sakura-ishikari",)
        if word in line
    }
    assert len(lines) == 5
    assert starts == {width(head[: head.index("サイト" if language != "en" else "site")])}
    assert head.isascii() is (language == "en")
    assert any(line.endswith("2027-03-31") for line in lines)


def test_a_quote_is_shown_as_one_and_never_as_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", "ja")

    assert _run("--operator", "kddi") == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    quoted = _offers(capsys, "--operator", "kddi")

    assert [line.split()[0] for line in lines] == ["highreso-kddi-gb200", "kddi-gb200-nvl72"]
    assert all("不明" in line and "要見積もり" in line for line in lines)
    assert not any(" 0 " in line for line in lines)
    assert {row["jpy_per_month"] for row in quoted.values()} == {None}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--gpu", "gb200"], {"highreso-kddi-gb200", "kddi-gb200-nvl72"}),
        (["--gpu", "v100", "--gpu", "rtx-a4000"], {"sakura-vrt-v100", "highreso-a4000"}),
        (["--site", "highreso-shika"], {"highreso-a4000"}),
        (["--operator", "kddi", "--seller", "highreso"], {"highreso-kddi-gb200"}),
        (["--obtained", "points"], {"highreso-b200"}),
        (["--max-price", "481"], {"highreso-a4000", "sakura-phy-h100", "sakura-vrt-v100"}),
        (["--max-price", "480.9"], {"highreso-a4000", "sakura-phy-h100"}),
        (["--gpu", "h100", "--max-price", "990", "--obtained", "api"], {"sakura-vrt-h100"}),
    ],
)
def test_filters_narrow_down_together(
    arguments: list[str], found: set[str], capsys: pytest.CaptureFixture[str]
):
    assert set(_offers(capsys, *arguments)) == found


def test_only_offers_of_certified_operators_remain(
    sellers: Path, capsys: pytest.CaptureFixture[str]
):
    sourced = {"source": "x", "as_of": "2026-11-28"}
    row = yaml.safe_load((sellers / "kddi.yaml").read_text())["offers"]["kddi-gb200-nvl72"]
    text = {
        "operators": {"acme": {"ja": "ア", "en": "A", "country": "JP", **sourced}},
        "offers": {"acme-gb200": {**row, "operator": "acme"}},
    }
    (sellers / "acme.yaml").write_text(yaml.safe_dump(text, allow_unicode=True))

    everybody, certified = _offers(capsys), _offers(capsys, "--certified")

    assert everybody.keys() - certified.keys() == {"acme-gb200"}
    assert "kddi-gb200-nvl72" in certified


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpu", "h300"], "no offer has --gpu h300; allowed: b200, gb200"),
        (["--max-price", "1"], "nothing fits all of the filters"),
        (["--gpu", "gb200", "--max-price", "999999"], "what has to be quoted fits no --max-price"),
        (["--site", "\x1b[31mx"], "no offer has --site [31mx"),
    ],
)
def test_nothing_that_fits_is_an_error_with_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert _run(*arguments) == 1
    assert said in capsys.readouterr().err
    assert _run("--json", *arguments) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_a_broken_row_is_told_and_the_others_are_shown(
    sellers: Path, capsys: pytest.CaptureFixture[str]
):
    (sellers / "acme.yaml").write_text("offers: {spoilt: {gpu: h100}}\n")

    assert _run() == 0

    said = capsys.readouterr()
    assert "acme.yaml: offers.spoilt" in said.err
    assert "sakura-vrt-h100" in said.out


def test_the_json_of_an_offer_says_what_it_stands_on(capsys: pytest.CaptureFixture[str]):
    row = _offers(capsys)["highreso-b200"]

    # The minimum of 100,000 points is told of another cluster.
    assert (row["jpy_per_gpu_hour"], row["is_lowest"], row["jpy_per_term"]) == (1_320, True, None)
    assert (row["prefecture"], row["certified"], row["operator_country"]) == ("JP-37", True, "JP")
    assert row["shape"]["nvlink_domain_gpus"] == 8
    assert row["fabric"]["gbps_per_node"] == 3_200
    assert "soroban.highreso.jp" in row["source"]


def test_the_shortest_term_is_told_beside_the_one_that_the_price_presumes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", "en")
    row = _offers(capsys, "--max-price", "481")["sakura-phy-h100"]

    assert _run("--gpu", "h100", "--obtained", "web-order") == 0

    assert (row["term_months"], row["jpy_per_term"], row["price_presumes_months"]) == (2, None, 36)
    assert "2 months (price of 36 months)" in capsys.readouterr().out


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's emulator in this process, where the price list is asked for."""
    folder = tmp_path / "lab"
    folder.mkdir()
    services = Services(Places(folder, 0), NoMachines(), Delays(0, 0, 0))
    _answer(monkeypatch, httpx.ASGITransport(app=build(services)))
    yield
    services.close()


def _answer(monkeypatch: pytest.MonkeyPatch, transport: httpx.AsyncBaseTransport) -> None:
    listed = functools.partial(sakura_prices.listed, transport=transport)
    monkeypatch.setattr(price_refresh.sakura_prices, "listed", listed)
    monkeypatch.setattr(local, "environment", lambda _: {"SAKURA_API_ROOT_URL": URL})


def _sell(monkeypatch: pytest.MonkeyPatch, hourly: int) -> None:
    rows = provider_data.prices("is1a")
    for row in rows:
        if row["DisplayName"] == "VRT H100x1":
            row["Price"]["Hourly"] = hourly
    monkeypatch.setattr(provider_data, "prices", lambda _: rows)


@pytest.mark.usefixtures("lab")
def test_equal_prices_change_and_print_nothing(project: Path, capsys: pytest.CaptureFixture[str]):
    assert _run("--refresh") == 0

    said = capsys.readouterr()
    assert said.out == ""
    assert "No price has changed" in said.err
    assert not (project / price_file.NAME).exists()


@pytest.mark.usefixtures("lab")
def test_a_changed_price_is_told_written_and_used(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    _sell(monkeypatch, 1_100)

    assert _run("--refresh") == 0
    assert capsys.readouterr().out == (
        "sakura-vrt-h100: 1 時間 990 円 → 1,100 円 / "
        "sakura-vrt-h100: 990 yen -> 1,100 yen an hour\n"
    )
    row = _offers(capsys)["sakura-vrt-h100"]
    assert (row["basis"], row["tax"], row["jpy_per_hour"]) == ("own", "included", 1_100)
    assert row["source"] == LIST

    assert _run("--refresh", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    _sell(monkeypatch, 990)
    assert _run("--refresh", "--json") == 0
    [change] = json.loads(capsys.readouterr().out)
    assert (change["old"], change["new"]) == (1_100, 990)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:80"])
def test_the_prices_of_a_lab_are_compared_and_never_written(
    host: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    url = f"http://{host}/cloud/zone"
    monkeypatch.setattr(local, "environment", lambda _: {"SAKURA_API_ROOT_URL": url})
    _sell(monkeypatch, 1_100)

    assert _run("--refresh", "--json") == 0

    said = capsys.readouterr()
    assert [change["new"] for change in json.loads(said.out)] == [1_100]
    assert "kokunai-prices.yaml is not written" in said.err
    assert not (project / price_file.NAME).exists()


@pytest.mark.parametrize("words", [("--gpu", "h100"), ("--max-price", "0"), ("--certified",)])
def test_a_refresh_takes_no_filter(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert _run("--refresh", *words) == 1
    assert f"cannot be used with {words[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "prices:\n", "prices: {}\n"])
def test_a_file_emptied_by_hand_has_no_price(text: str, project: Path):
    (project / price_file.NAME).write_text(text)

    assert price_file.read(project) == {}


def test_a_file_that_is_no_mapping_is_refused_by_name(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / price_file.NAME).write_text("- 1\n")

    assert _run() == 1
    said = capsys.readouterr().err
    assert f"{price_file.NAME}: " in said
    assert ": : " not in said


@pytest.mark.usefixtures("lab")
def test_a_figure_that_somebody_wrote_by_hand_stays(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    own = {"price": {"jpy_per_month": 300_000}, "source": "contract 12", "as_of": "2026-11-28"}
    rows = {"sakura-vrt-h100": own, "kddi-gb200-nvl72": own}
    (project / price_file.NAME).write_text(yaml.safe_dump({"prices": rows}))
    _sell(monkeypatch, 1_100)

    assert _run("--refresh") == 0

    assert capsys.readouterr().out == ""
    assert _offers(capsys)["sakura-vrt-h100"]["source"] == "contract 12"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>proxy</html>"),
        httpx.Response(503, content=b"busy"),
        httpx.Response(200, json={"Count": 0, "ServiceClasses": {}, "is_ok": True}),
    ],
)
def test_a_strange_answer_changes_nothing_and_is_said(
    answer: httpx.Response,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    before = "prices: {}\n"
    (project / price_file.NAME).write_text(before)
    _answer(monkeypatch, httpx.MockTransport(lambda _: answer))

    assert _run("--refresh") == 1

    said = capsys.readouterr()
    assert "nothing is changed" in said.err
    assert "何も変えません" in said.err
    assert said.out == ""
    assert (project / price_file.NAME).read_text() == before


def test_the_list_is_not_asked_where_credentials_would_not_be_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(local, "environment", lambda _: {"SAKURA_API_ROOT_URL": "http://x.example"})

    assert _run("--refresh") == 1

    assert "SAKURA_API_ROOT_URL" in capsys.readouterr().err


def test_a_refresh_needs_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "Pulumi.yaml").unlink()

    assert _run("--refresh") == 1
    assert "Pulumi.yaml" in capsys.readouterr().err
    assert _run() == 0


def test_the_summary_shows_how_each_pool_was_bought(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", "ja")
    row = _offers(capsys)["highreso-b200"]
    known = {**row, "jpy_per_term": 100_000, "paid_until": "2027-02-28"}
    quoted = {**_offers(capsys)["highreso-kddi-gb200"], "paid_until": None}
    told = {"nodes": {}, "private_key_file": "k", "verified": {}, "offers": {"a": known}}
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: told)
    told["offers"]["b"] = quoted

    main(["summary"])
    lines = capsys.readouterr().out.splitlines()
    main(["summary", "--json"])

    [first] = [line for line in lines if line.startswith("  a ")]
    assert "highreso-b200 (highreso)" in first
    assert "highreso-ayagawa (インターネット)" in first
    assert "10,560 から" in first
    assert "100,000 円以上" in first
    assert "2027-02-28" in first
    [second] = [line for line in lines if line.startswith("  b ")]
    assert "highreso-kddi-gb200 (highreso, 運用 kddi)" in second
    assert "閉域（WVS2）" in second
    assert second.count("不明") == 3
    assert list(json.loads(capsys.readouterr().out)["offers"]) == ["a", "b"]
