"""The whole site.yml on real hosts through the configuration kind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from kokunai.lab.machines import NfsAppliance
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.run_directory import MARK
from kokunai.plugin.kind import Transition
from kokunai.role_variables import Share

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("playbooks-on-hosts")]

FILE_SERVER = NfsAppliance("600000000001", "500000000001", "192.168.10.9", 24, 100)
SHARE = Share("files", "192.168.10.9", "/export", "/mnt/share")


def _left_of(runs: set[str]) -> list[str]:
    """Directories and processes of these runs; others on this machine are not ours to judge."""
    processes = [f"{pid} {run}" for pid, run in _marked() if run in runs]
    return [*(_directories() & runs), *processes]


def _runs_of(child: int) -> set[str]:
    ours = _descendants(child)
    return {run for pid, run in _marked() if pid in ours}


def _directories() -> set[str]:
    return set(map(str, Path("/dev/shm").glob("kokunai-run-*")))


def _marked():
    """Process ids of all runs, each with the directory of its run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = [*_words(process / "environ"), *_words(process / "cmdline")]
        except OSError:
            continue
        for one in words:
            if one.startswith(f"{MARK}="):
                yield int(process.name), one.partition("=")[2]
            # A connection's master has its title in the place of its environment.
            if one.startswith("ssh: /dev/shm/kokunai-run-"):
                yield int(process.name), one.removeprefix("ssh: ").partition("/cp/")[0]


def _words(file: Path) -> list[str]:
    return file.read_bytes().decode(errors="replace").split("\0")


def _children(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(one) for task in tasks for one in task.read_text().split()]
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(two for one in children for two in _descendants(one))]


def _is_named(pid: int, name: str) -> bool:
    try:
        return name in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _changed(outputs) -> dict[str, int]:
    return {name: result["changed"] for name, result in outputs["results"].items()}


async def test_hosts_are_configured_once_and_only_where_something_changed(
    lab, inputs_of, configure, operation
):
    lab.boot(1, 2)
    two = inputs_of(lab.addresses(1, 2), lab.key, shares=(SHARE,), package_holds=("linux-image-*",))

    configuring = asyncio.create_task(configure(two))
    runs = _runs_of(await _until_working(os.getpid()))
    first, reasons = await configuring
    left = _left_of(runs)
    again, _ = await configure(two, {**first, "hostDigests": {}})

    assert reasons == []
    assert {one["status"] for one in first["results"].values()} == {"ok"}
    assert _changed(again) == {"node-1": 0, "node-2": 0}
    verdicts = {name: one["verdict"] for name, one in first["verified"]["node-1"].items()}
    assert verdicts == {
        "gpu_count": "pass",
        "driver": "not-verified",
        "nccl_bandwidth": "not-verified",
        "time_sync": "not-verified",
        "host_name": "pass",
        "addresses": "pass",
        "firewall": "not-verified",
        "storage": "pass",
        "kernel_parameters": "pass",
    }
    assert lab.ssh(1, "hostname") == "lab-node-1"
    assert lab.ssh(1, "getent hosts lab-node-1").split()[0] == lab.address(1)
    assert "=eth1" in lab.ssh(2, "cat /etc/nccl.conf")
    assert "192.168.10.12/24" in lab.ssh(2, "ip -o -4 address show eth1")
    assert "server 192.0.2.1 iburst" in lab.ssh(1, "cat /etc/chrony/chrony.conf")
    assert (
        lab.ssh(1, "systemctl is-active chrony systemd-networkd mnt-share.mount")
        == "active\n" * 2 + "active"
    )
    assert lab.ssh(1, "stat -c %a /etc/apt/auth.conf.d/kokunai.conf") == "600"
    assert len(runs) == 1
    assert left == []

    lab.boot(3)
    boot_1 = lab.ssh(1, "journalctl --unit ssh --no-pager | grep -c Accepted")
    three = inputs_of(
        lab.addresses(1, 2, 3), lab.key, shares=(SHARE,), package_holds=("linux-image-*",)
    )
    operation.infos.clear()
    grown, reasons = await configure(three, again, two)

    assert reasons == []
    assert len(operation.infos) == 1
    assert "node-3" in operation.infos[0]
    assert grown["hostDigests"]["node-1"] == first["hostDigests"]["node-1"]
    # Only our own two logins: the run did not even connect.
    assert int(lab.ssh(1, "journalctl --unit ssh --no-pager | grep -c Accepted")) == int(boot_1) + 1


async def test_a_file_changed_by_hand_is_reported_and_repaired(
    lab, inputs_of, configure, operation
):
    lab.boot(1, 2)
    inputs = inputs_of(lab.addresses(1, 2), lab.key)
    kind = Configuration()
    state, _ = await configure(inputs)

    clean = await kind.read(operation, Transition("x", state, inputs))
    lab.ssh(2, "sed -i s/eth1/eth0/ /etc/nccl.conf; systemctl stop chrony; hostname odd")
    lab.ssh(2, "chmod 600 /etc/chrony/chrony.conf")
    lab.ssh(2, "ip address flush dev eth1; echo 128 > /proc/sys/net/core/somaxconn")
    seen = await kind.read(operation, Transition("x", state, inputs))
    changes = kind.diff(Transition("x", seen.outputs, inputs, seen.inputs))
    repaired, _ = await configure(inputs, seen.outputs)
    after = await kind.read(operation, Transition("x", repaired, inputs))

    assert clean.outputs["drift"] == {}
    assert kind.diff(Transition("x", clean.outputs, inputs, clean.inputs)) == []
    assert list(seen.outputs["drift"]) == ["node-2"]
    assert "/etc/nccl.conf" in seen.outputs["drift"]["node-2"]
    assert "Keep time and network running: chrony" in seen.outputs["drift"]["node-2"]
    assert not [one for one in seen.outputs["drift"]["node-2"] if one.startswith("Apply")]
    assert "verified.host_name" in seen.outputs["drift"]["node-2"]
    assert "verified.addresses" in seen.outputs["drift"]["node-2"]
    assert [(one.path, one.of_state) for one in changes] == [('drift["node-2"]', True)]
    assert repaired["drift"] == after.outputs["drift"] == {}
    assert "=eth1" in lab.ssh(2, "cat /etc/nccl.conf")
    assert lab.ssh(2, "hostname") == "lab-node-2"
    assert lab.ssh(2, "cat /proc/sys/net/core/somaxconn") == "4096"
    assert "192.168.10.12/24" in lab.ssh(2, "ip -o -4 address show eth1")


async def test_a_dead_share_is_found_and_mounted_anew_and_one_that_leaves_is_unmounted(
    lab, inputs_of, configure, operation
):
    lab.boot(1)
    mounted = inputs_of(lab.addresses(1), lab.key, shares=(SHARE,))
    bare = inputs_of(lab.addresses(1), lab.key)
    first, _ = await configure(mounted)
    lab.machines.remove_nfs(FILE_SERVER.appliance_id)
    lab.machines.ensure_nfs(FILE_SERVER)
    seen = (await Configuration().read(operation, Transition("x", first, mounted))).outputs
    state, mended = await configure(mounted, seen)
    # A cut run had removed another unit, which nobody mounts any more.
    lab.ssh(1, "mkdir -p /run/kokunai/pending")
    lab.ssh(1, """echo '["/etc/systemd/system/mnt-old.mount"]' > /run/kokunai/pending/mounts""")

    after, reasons = await configure(bare, state, mounted)
    again, _ = await configure(bare, {**after, "hostDigests": {}})

    before, dead, after = (one["verified"]["node-1"]["storage"] for one in (first, seen, state))
    assert (before["verdict"], dead["verdict"], after["verdict"]) == ("pass", "fail", "pass")
    assert before["takenAt"] < dead["takenAt"] < after["takenAt"]
    assert "verified.storage" in seen["drift"]["node-1"]
    assert mended == reasons == []
    assert "/mnt/share" not in lab.ssh(1, "cat /proc/mounts; ls /etc/systemd/system")
    assert _changed(again) == {"node-1": 0}


async def test_one_host_that_cannot_be_reached_keeps_the_others(lab, inputs_of, configure):
    lab.boot(1, 2)
    inputs = inputs_of(lab.addresses(1, 2, 3), lab.key)

    first, reasons = await configure(inputs)
    lab.boot(3)
    mended, none = await configure(inputs, first)

    assert len(reasons) == 1
    assert f"node-3 ({lab.address(3)}) に接続できません" in reasons[0]
    assert "cannot be reached" in reasons[0]
    assert sorted(first["hostDigests"]) == ["node-1", "node-2"]
    assert none == []
    assert mended["results"]["node-1"] == first["results"]["node-1"]
    assert mended["results"]["node-3"]["status"] == "ok"


async def test_a_host_with_fewer_gpus_than_promised_fails_alone(lab, inputs_of, configure):
    lab.boot(1)

    outputs, reasons = await configure(inputs_of(lab.addresses(1), lab.key, gpu_count=8))

    assert len(reasons) == 1
    assert "gpu_count: GPU は 8 基のはずが 2 基 / 8 promised, 2 seen" in reasons[0]
    assert outputs["verified"]["node-1"]["gpu_count"]["verdict"] == "fail"
    assert outputs["hostDigests"] == {}


async def test_another_host_key_on_the_same_server_is_refused(lab, inputs_of, configure):
    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    state, _ = await configure(inputs)
    lab.ssh(1, "rm /etc/ssh/ssh_host_*; ssh-keygen -A >/dev/null; systemctl restart ssh")

    refused, reasons = await configure(inputs, {**state, "hostDigests": {}})
    replaced = {**inputs, "hosts": [{**inputs["hosts"][0], "serverId": "199999999999"}]}
    accepted, none = await configure(replaced, refused, inputs)

    assert "SSH ホスト鍵" in reasons[0]
    assert "another SSH host key" in reasons[0]
    assert refused["hostKeys"] == state["hostKeys"]
    assert none == []
    assert accepted["hostKeys"] != state["hostKeys"]


async def test_ssh_itself_refuses_a_key_that_is_not_the_recorded_one(
    lab, inputs_of, configure, monkeypatch
):
    async def nothing_strange(*_):
        """What a look finds through a jump host, or of an impostor that shows the recorded key."""
        return set()

    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    state, _ = await configure(inputs)
    lab.ssh(1, "rm /etc/ssh/ssh_host_*; ssh-keygen -A >/dev/null; systemctl restart ssh")
    monkeypatch.setattr("kokunai.plugin.ansible.configuration.rekeyed", nothing_strange)

    refused, reasons = await configure(inputs, {**state, "hostDigests": {}})

    assert "another SSH host key" in reasons[0]
    assert refused["results"]["node-1"]["status"] == "rekeyed"
    assert refused["hostKeys"] == state["hostKeys"]
    assert refused["hostDigests"] == {}


class _Watch:
    """Looks again and again at every command line and at the files of the run."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.seen: set[str] = set()
        self.looks = 0

    async def __aenter__(self):
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self):
        while True:
            self.looks += 1
            await asyncio.to_thread(self._once)
            await asyncio.sleep(0.1)

    def _once(self):
        processes = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
        files = [path for path in Path("/dev/shm").rglob("*") if path.is_file()]
        for path in [*processes, *files]:
            try:
                if self._secret in path.read_bytes():
                    self.seen.add(str(path))
            except OSError:
                continue


async def test_a_secret_reaches_the_host_and_nothing_else(
    lab, inputs_of, configure, operation, monkeypatch
):
    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    # Only now: the processes of the hosts themselves inherit what is set before they start.
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct-horse-passphrase")

    async with _Watch("correct-horse") as watch:
        outputs, reasons = await configure(inputs)

    # This process itself has it in its environment.
    mine = {f"/proc/{os.getpid()}/environ"}
    told = str([outputs["results"], outputs["verified"], operation.infos, operation.statuses])
    assert reasons == []
    assert watch.looks > 10
    assert watch.seen - mine == set()
    assert "correct-horse" not in told
    assert "correct-horse" in lab.ssh(1, "cat /etc/apt/auth.conf.d/kokunai.conf")
    assert "correct-horse" not in lab.ssh(1, "journalctl --no-pager")


async def _until_working(plugin: int) -> int:
    """Process id of the plugin's child once Ansible has begun its work on a host."""
    for _ in range(600):
        for child in _children(plugin):
            working = any(_is_named(pid, "ssh\0") for pid in _descendants(child))
            if working and _is_named(child, "kokunai.plugin.ansible.runner"):
                return child
        await asyncio.sleep(0.05)
    raise AssertionError("the run never began")


@pytest.mark.parametrize("after_seconds", [0.0, 1.0, 2.5])
async def test_a_killed_run_leaves_nothing_and_the_next_one_converges(
    lab, inputs_of, configure, after_seconds
):
    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    configuring = asyncio.create_task(configure(inputs))
    child = await _until_working(os.getpid())
    runs = _runs_of(child)
    await asyncio.sleep(after_seconds)

    os.kill(child, signal.SIGKILL)
    cut, reasons = await configuring
    left = _left_of(runs)
    done, none = await configure(inputs, cut)
    again, _ = await configure(inputs, {**done, "hostDigests": {}})

    assert "cut short" in reasons[0]
    assert left == []
    assert none == []
    assert _changed(again) == {"node-1": 0}
    assert lab.ssh(1, "chronyc -n sources | grep -c 192.0.2.1") == "1"


async def test_a_run_whose_plugin_was_killed_ends_itself(lab, inputs_of):
    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    script = (
        "import asyncio, json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.operation import Operation\n"
        "from kokunai.plugin.ansible.configuration import Configuration\n"
        "from kokunai.plugin.kind import Transition\n"
        "new = Transition(new=json.loads(sys.argv[2]))\n"
        "asyncio.run(Configuration().create(Operation(), new))\n"
    )
    here = str(Path(__file__).parents[1])
    given = json.dumps({**inputs, "secretVariables": {}})
    plugin = await asyncio.create_subprocess_exec(sys.executable, "-c", script, here, given)
    child = await _until_working(plugin.pid)
    runs = _runs_of(child)

    plugin.kill()
    await plugin.wait()
    for _ in range(100):
        if not _is_named(child, "kokunai.plugin.ansible.runner"):
            break
        await asyncio.sleep(0.1)

    assert runs
    assert not _is_named(child, "kokunai.plugin.ansible.runner")
    assert _left_of(runs) == []


async def test_a_cancelled_run_ends_within_seconds(lab, inputs_of, configure, operation):
    lab.boot(1)
    inputs = inputs_of(lab.addresses(1), lab.key)
    configuring = asyncio.create_task(configure(inputs))
    runs = _runs_of(await _until_working(os.getpid()))

    operation.stop.set()
    began = asyncio.get_running_loop().time()
    cut, reasons = await configuring
    took = asyncio.get_running_loop().time() - began

    assert took < 8
    assert "cut short" in reasons[0]
    assert cut["results"]["node-1"]["status"] == "interrupted"
    assert _left_of(runs) == []
