"""The life of a cluster, told in order: built, left alone, grown, damaged, mended, destroyed."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kokunai.language import width
from support.pulumi_project import STACK, Sandbox

pytestmark = pytest.mark.xdist_group("cluster")

POOL = "kokunai:index:Environment$kokunai:index:GpuNodePool$kokunai:sakura:Server"
HOLDERS = "kokunai:index:Environment$kokunai:stack:DataHolders::data"
RUN = "kokunai:index:Environment$kokunai:index:NodeConfiguration$kokunai:ansible:Configuration"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Two nodes and a file share, built once for this story."""
    sandbox = Sandbox(tmp_path_factory.mktemp("cluster"))
    sandbox.pool["node_count"] = 2
    sandbox.environment["storage"] = [
        {"name": "datasets", "network": "cluster", "size_gib": 100, "mount": "/mnt/datasets"}
    ]
    sandbox.open()
    sandbox.up()
    yield sandbox
    sandbox.close()


def test_a_node_answers_over_ssh_with_the_name_and_address_of_the_api(cluster: Sandbox):
    servers = cluster.api("server")["Servers"]
    answered = {one["Name"]: one["Interfaces"][0]["IPAddress"] for one in servers}

    seen = cluster.ssh("train-0", "hostname; ip -4 -br addr show eth0; ip -4 -br addr show eth1")

    assert seen.splitlines()[0] == "e2e-train-0"
    assert answered["e2e-train-0"] in seen
    assert "192.168.10.11/24" in seen


def test_a_node_has_its_files_and_services(cluster: Sandbox):
    nccl = cluster.ssh("train-0", "cat /etc/nccl.conf")
    chrony = cluster.ssh("train-0", "grep -rh ^server /etc/chrony")
    service = cluster.ssh("train-0", "systemctl is-active chrony ssh")

    assert "NCCL_SOCKET_IFNAME==eth1" in nccl
    assert "ntp.nict.jp" in chrony
    assert service.splitlines() == ["active", "active"]


def test_the_nodes_share_a_file_system(cluster: Sandbox):
    cluster.ssh("train-0", "echo shared > /mnt/datasets/word")

    assert cluster.ssh("train-1", "cat /mnt/datasets/word") == "shared"


def test_what_is_simulated_says_so_and_bandwidth_is_not_verified(cluster: Sandbox):
    summary = json.loads(cluster.run("summary", "--stack", STACK, "--json").stdout)
    checks = summary["verified"]["train-0"]

    assert checks["gpu_count"]["verdict"] == "pass"
    assert checks["nccl_bandwidth"]["verdict"] == "not-verified"
    assert cluster.ssh("train-0", "test -e /etc/kokunai-simulation && lspci -n") != ""


def test_the_second_up_changes_nothing_and_runs_no_playbook(cluster: Sandbox):
    again = cluster.up("--expect-no-changes")

    assert "unchanged" in again.stdout
    assert "ansible" not in again.stdout.lower()


def test_a_refresh_right_after_an_up_finds_no_change(cluster: Sandbox):
    assert cluster.steps("--refresh") == {}


def test_a_third_node_is_one_new_server_and_one_updated_configuration(cluster: Sandbox):
    cluster.pool["node_count"] = 3
    boots = cluster.ssh("train-0", "stat -c %Y /etc/nccl.conf; who -b; last -i 2>/dev/null | wc -l")

    shown = cluster.preview().stdout
    steps = cluster.steps()
    cluster.up()

    # What did not change stays out of what is shown: no verdicts, and lines that fit a terminal.
    lines = shown.partition("Outputs:")[2].splitlines()
    assert 0 < len(lines) < 30
    assert max(map(width, lines)) <= 80
    assert steps == {"create": [f"{POOL}::train-2"], "update": [f"{RUN}::train", HOLDERS]}
    state = cluster.of_type("ansible:Configuration")[0]["outputs"]
    assert state["results"]["train-2"]["status"] == "ok"
    assert cluster.ssh("train-2", "hostname") == "e2e-train-2"
    assert boots == cluster.ssh(
        "train-0", "stat -c %Y /etc/nccl.conf; who -b; last -i 2>/dev/null | wc -l"
    )


def test_a_server_deleted_behind_our_back_is_made_again_and_nothing_else(cluster: Sandbox):
    before = {one["urn"]: one["id"] for one in cluster.of_type("sakura:Server")}
    gone = next(one for one in cluster.of_type("sakura:Server") if one["urn"].endswith("train-1"))
    _delete_by_api(cluster, gone["outputs"]["serverId"])

    cluster.up("--refresh")

    after = {one["urn"]: one["id"] for one in cluster.of_type("sakura:Server")}
    assert {urn for urn in before if before[urn] != after[urn]} == {gone["urn"]}
    assert cluster.ssh("train-1", "hostname") == "e2e-train-1"


def _delete_by_api(cluster: Sandbox, server_id: str) -> None:
    server = cluster.api(f"server/{server_id}")["Server"]
    cluster.api(f"server/{server_id}/power", "DELETE", {"Force": True})
    for _ in range(100):
        if cluster.api(f"server/{server_id}")["Server"]["Instance"]["Status"] == "down":
            break
    disks = [disk["ID"] for disk in server["Disks"]]
    cluster.api(f"server/{server_id}", "DELETE", {"WithDisk": disks})


def test_a_file_changed_by_hand_is_reported_by_name_and_mended(cluster: Sandbox):
    cluster.ssh("train-0", "echo NCCL_DEBUG=INFO >> /etc/nccl.conf")

    refreshed = cluster.pulumi("refresh", "--yes", "--diff")
    state = cluster.of_type("ansible:Configuration")[0]["outputs"]
    cluster.up()

    assert "/etc/nccl.conf" in refreshed.stdout
    assert state["drift"] == {"train-0": ["/etc/nccl.conf"]}
    assert "NCCL_DEBUG" not in cluster.ssh("train-0", "cat /etc/nccl.conf")


def test_what_would_be_lost_is_refused_in_words_before_anything_else(cluster: Sandbox):
    right = copy.deepcopy(cluster.environment)
    cluster.environment["storage"][0]["size_gib"] = 500
    cluster.pool.update(node_count=2, boot_disk_gib=250)

    refused = cluster.preview(check=False)
    cluster.environment = copy.deepcopy(right)
    cluster.pool["name"] = "tune"
    skipped = cluster.up(check=False)

    cluster.environment = right
    assert refused.returncode != 0
    assert "共有ストレージ datasets: 100 GiB のデータが失われます" in refused.stdout
    assert "2 servers of pool train (train-0, train-1): 200 GiB of data" in refused.stdout
    assert "1 server of pool train (train-2): 100 GiB of data" in refused.stdout
    assert "allow_data_loss: [datasets, train]" in refused.stdout
    assert "sakura:Nfs" not in refused.stdout
    assert skipped.returncode != 0
    assert "write was: train beside the new name" in skipped.stdout
    assert len(cluster.api("server")["Servers"]) == 3


def test_a_rename_with_was_replaces_nothing(cluster: Sandbox):
    right = copy.deepcopy(cluster.environment)
    cluster.pool.update(name="tune", was="train")
    cluster.environment["storage"][0].update(name="data", was="datasets")

    steps = cluster.steps()

    cluster.environment = right
    assert steps.keys() == {"update"}
    assert f"{POOL}::tune-0" in steps["update"]


def test_destroy_leaves_an_empty_store_and_nothing_on_the_machine(cluster: Sandbox):
    lab_id = cluster.lab("state")["lab_id"]
    cluster.pulumi("destroy", "--yes")
    counts = cluster.lab("state")["counts"]
    beside_the_daemon = [
        line for line in leftovers(lab_id, cluster.root) if "kokunai.lab.daemon" not in line
    ]

    cluster.run("lab", "down", "--purge")

    assert not any(counts.values())
    assert beside_the_daemon == []
    assert leftovers(lab_id, cluster.root) == []


def leftovers(lab_id: str, root: Path) -> list[str]:
    """Processes, namespaces, mounts and interfaces that still carry the lab's id or directory."""
    looks = (["ip", "-br", "link"], ["ip", "netns"], ["cat", "/proc/mounts"], ["ps", "-eo", "args"])
    marks = (f"kk{lab_id}", str(root / ".kokunai/lab"))
    lines = [
        line
        for look in looks
        for line in subprocess.run(look, capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
    ]
    return [line for line in lines if any(mark in line for mark in marks)]
