"""What ends within a year is warned of in check and preview; what has ended is refused."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import kokunai
from kokunai import catalog, stack_file
from kokunai.catalog import retirement
from kokunai.cli import main
from kokunai.errors import KokunaiError
from support.catalogue import sellers
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root", "sellers"]
END = date(2027, 3, 31)
V100 = catalog.offer(site="sakura-ishikari", gpu="v100")
STACK: dict[str, Any] = {
    "name": "demo",
    "data_class": "internal",
    "lab": True,
    "access": {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
    "pools": [{"name": "train", "site": "sakura-ishikari", "gpu": "v100", "node_count": 1}],
}


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the date in Japan."""
    return lambda value: monkeypatch.setattr(retirement, "today", lambda: value)


@pytest.mark.parametrize(
    ("on", "warned", "ended"),
    [
        (END - timedelta(days=366), False, False),
        (END - timedelta(days=365), True, False),
        (END, True, False),
        (END + timedelta(days=1), False, True),
    ],
)
def test_the_last_year_is_warned_of_and_the_day_after_the_last_is_too_late(
    on: date, warned: bool, ended: bool
):
    assert (retirement.warning(V100, on) is not None) is warned
    assert retirement.has_ended(V100, on) is ended


def test_a_gpu_that_ends_for_everybody_ends_each_offer_of_it(sellers: Path):
    gpu = {"vendor": "nvidia", "name": "Old", "memory_gib": 1, "pci_vendor_id": "10de"}
    sourced = {"source": "x", "as_of": "2026-11-28"}
    rows = {"gpus": {"old": {**gpu, **sourced, "ends_on": "2027-01-31"}}}
    (sellers / "old.yaml").write_text(yaml.safe_dump(rows))
    ours = V100.model_copy(update={"gpu": "old"})

    assert retirement.last_day(ours) == date(2027, 1, 31)
    assert retirement.last_day(ours.model_copy(update={"ends_on": None})) == date(2027, 1, 31)
    assert retirement.last_day(catalog.offer(site="sakura-ishikari", gpu="h100")) is None


def test_a_stack_file_with_what_has_ended_is_refused_at_its_place_with_what_is_sold(day: Any):
    day(END)
    assert stack_file.read(STACK).pools[0].gpu == "v100"

    day(END + timedelta(days=1))
    with pytest.raises(KokunaiError) as refused:
        stack_file.read(STACK)

    assert "pools[0].gpu: sakura-vrt-v100 (GPU v100) ended on 2027-03-31" in refused.value.en
    assert "sakura-vrt-h100 (gpu: h100)" in refused.value.ja


def test_a_check_warns_of_the_last_year_and_still_passes(
    day: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    day(END - timedelta(days=90))
    (tmp_path / "Pulumi.yaml").write_text("name: demo\n")
    file = tmp_path / "Pulumi.old.yaml"
    file.write_text(yaml.safe_dump({"config": {"kokunai:environment": STACK}}))

    main(["check", str(file)])
    said = capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["check", "--json", str(file)])

    assert "残り 90 日" in said.err
    assert "ends on 2027-03-31, in 90 days" in said.err
    assert said.out.startswith(f"{file}: ok")
    [row] = json.loads(capsys.readouterr().out)
    assert (ended.value.code, row["ok"]) == (0, True)
    assert [warning["path"] for warning in row["warnings"]] == [
        "config.kokunai:environment.pools[0]"
    ]


def test_a_preview_warns_of_the_last_year(
    day: Any, recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    day(END - timedelta(days=90))
    monkeypatch.setenv("KOKUNAI_LANG", "en")
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: said.append(text))
    spec = stack_file.read(STACK)

    (root / "id").unlink()
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    declared(recorder, lambda: kokunai.Environment(spec, root=root))

    [warned] = [text for text in said if "2027-03-31" in text]
    assert warned.startswith("sakura-vrt-v100 (GPU v100) ends on 2027-03-31, in 90 days;")
