"""Two checkouts of one project, one account, one stack name: the second refuses and says whose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.pulumi_project import STACK, Sandbox

QUICK = ("--copy-seconds", "0", "--boot-seconds", "0", "--stop-seconds", "0")
LISTS = ("server", "disk", "interface", "switch", "packetfilter", "sshkey", "appliance", "note")
PROGRAM = """
import kokunai

access = {"private_key_file": ".kokunai/ssh/id_ed25519", "ssh_from": ["198.18.0.0/15"]}
ours = kokunai.StackSettings(name="e2e", data_class="internal", lab=True, access=access)
network = kokunai.ClusterNetwork(
    "cluster", site="sakura-ishikari", cidr="192.168.10.0/24", settings=ours
)
data = kokunai.SharedStorage("data", network=network, size_gib=100, mount="/mnt/data")
kokunai.GpuNodePool(
    "train", site="sakura-ishikari", gpu="h100", node_count=1, network=network, storage=[data]
)
"""


@pytest.fixture
def checkouts(tmp_path: Path) -> Iterator[list[Sandbox]]:
    """Each with its own state and key, both with the account of the first one's lab."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Sandbox(tmp_path / name))
    one, two = made
    one.run("lab", "up", "--hosts", "none", *QUICK)
    (two.root / ".kokunai/lab").symlink_to(one.root / ".kokunai/lab")
    for checkout in made:
        (checkout.root / "stacks/__main__.py").write_text(PROGRAM)
        checkout.write_stack()
        checkout.run("run", "--", "pulumi", "stack", "init", STACK)
    yield made
    one.close()


def test_a_second_checkout_refuses_in_its_preview_and_touches_nothing(checkouts: list[Sandbox]):
    one, two = checkouts
    one.up()
    [owner] = [made["id"] for made in one.of_type("index:Owner")]
    before = _everything(one)

    foreseen = two.preview(check=False)
    refused = two.up(check=False)

    assert (foreseen.returncode != 0, refused.returncode != 0) == (True, True)
    for said in (foreseen.stdout, refused.stdout):
        assert f"所有者は {owner} です。" in said
        assert f"pulumi import kokunai:index:Owner e2e {owner}" in said
        assert "Traceback" not in said
    assert _everything(one) == before
    assert len(before["server"]["Servers"]) == 1

    one.pulumi("destroy", "--yes", "--skip-preview")
    two.up()

    assert [made["id"] for made in two.of_type("index:Owner")] != [owner]
    assert len(two.api("server")["Servers"]) == 1


def _everything(sandbox: Sandbox) -> dict[str, Any]:
    return {path: sandbox.api(path) for path in LISTS}
