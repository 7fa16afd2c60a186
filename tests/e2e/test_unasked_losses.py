"""The engine's command line, which it does not tell a provider: a replacement, and no destroy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pulumi_project import STACK, Sandbox

QUICK = ("--copy-seconds", "0", "--boot-seconds", "0", "--stop-seconds", "0")
PROGRAM = """
import kokunai

access = {"private_key_file": ".kokunai/ssh/id_ed25519", "ssh_from": ["198.18.0.0/15"]}
ours = kokunai.StackSettings(name="e2e", data_class="internal", lab=True, access=access)
network = kokunai.ClusterNetwork(
    "cluster", site="sakura-ishikari", cidr="192.168.10.0/24", settings=ours
)
kokunai.SharedStorage("data", network=network, size_gib=100, mount="/mnt/data")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    made.run("lab", "up", "--hosts", "none", *QUICK)
    (made.root / "stacks/__main__.py").write_text(PROGRAM)
    made.write_stack()
    made.run("run", "--", "pulumi", "stack", "init", STACK)
    yield made
    made.close()


def test_data_goes_neither_by_replace_nor_by_an_empty_program_but_by_destroy(checkout: Sandbox):
    checkout.up()
    [share] = checkout.of_type("sakura:Nfs")

    replaced = checkout.pulumi("preview", "--replace", share["urn"], check=False)
    (checkout.root / "stacks/__main__.py").write_text("import pulumi\n")
    emptied = checkout.pulumi("up", "--yes", "--skip-preview", check=False)

    for refused in (replaced, emptied):
        assert refused.returncode != 0
        assert "Data of file share data (100 GiB) would be lost" in refused.stdout
        assert "Traceback" not in refused.stdout
    assert "allow_data_loss: [data]" in replaced.stdout
    assert "pulumi destroy --target" in emptied.stdout
    assert [row["ID"] for row in checkout.api("appliance")["Appliances"]] == [share["id"]]

    checkout.pulumi("destroy", "--yes", "--skip-preview")

    assert checkout.api("appliance")["Appliances"] == []
