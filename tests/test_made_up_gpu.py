"""A GPU of one's own is rows of the catalogue: no code knows it."""

from __future__ import annotations

from pathlib import Path

import yaml

import kokunai
from kokunai import stack_file
from support.catalogue import sellers
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root", "sellers"]
MADE_UP = {"source": "made up", "as_of": "2026-11-28"}
ROWS = {
    "gpus": {
        "x900": {
            "vendor": "nvidia",
            "name": "X900",
            "memory_gib": 900,
            "pci_vendor_id": "10de",
            **MADE_UP,
        }
    },
    "offers": {
        "sakura-x900": {
            "site": "sakura-ishikari",
            "gpu": "x900",
            "gpu_count": 4,
            "platform": "nvidia-vrt",
            "product": "X900x4",
            "seller": "sakura",
            "operator": "sakura",
            "price": {"jpy_per_hour": 9000},
            "driver": "sakura-iaas",
            "terms": {
                "zone": "is1b",
                "cpu_count": 96,
                "memory_gib": 960,
                "gpu_model": "x900_900gb",
                "commitment": "standard",
                "generation": 300,
            },
            **MADE_UP,
        }
    },
}
STACK = {
    "name": "demo",
    "data_class": "internal",
    "lab": True,
    "access": {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
    "pools": [{"name": "train", "site": "sakura-ishikari", "gpu": "x900", "node_count": 1}],
}


def test_a_made_up_gpu_is_sold_labelled_and_verified_by_rows_alone(
    recorder: Recorder, root: Path, sellers: Path
):
    (sellers / "made_up.yaml").write_text(yaml.safe_dump(ROWS))

    spec = stack_file.read(STACK)
    seen = declared(recorder, lambda: kokunai.Environment(spec, root=root)).seen

    server = seen["kokunai:sakura:Server", "train-0"]
    assert (server["zone"], server["plan"]["gpuModel"]) == ("is1b", "x900_900gb")
    assert server["labels"]["offer"] == "sakura-x900"
    variables = seen["kokunai:ansible:Configuration", "train"]["variables"]
    assert variables["verify_expected_gpu_count"] == 4
