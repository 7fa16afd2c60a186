"""The daemon with real hosts: promised ones are on after a kill, and nothing stays at the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from lab_process import LabProcess, command_of, wait_until

from kokunai.lab import hosts, port_slots
from kokunai.lab.state_file import living_pid, places_of, started_at

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="hosts need root"),
]
ONLY_SHORT_COPIES = ("--copy-seconds", "0.1")


class LabWithHosts(LabProcess):
    """A running lab with hosts of kind `full`."""

    def __init__(self, directory, umask=-1):
        super().__init__(directory, hosts="full", umask=umask)
        self.up(*ONLY_SHORT_COPIES)
        self.http = self.client()

    def running(self):
        return hosts.choose(self.places, "full").running()

    def boot(self, name):
        """Make a server that will be on; returns its id at once."""
        return self.account(self.http).make_booting(HostName=name)["ID"]


@pytest.fixture
def lab(tmp_path):
    hosts.prepare(lambda _: None)
    made = LabWithHosts(tmp_path / "lab")
    yield made
    made.http.close()
    namespace = made.places.namespace
    made.run("down", "--purge")
    assert not made.directory.exists()
    assert not list(Path("/run/netns").glob(f"{namespace}*"))


def test_kills_during_boots_and_stops_end_as_the_store_wants(lab):
    moments = {
        "copying": lambda _: True,
        "wiring": lambda server_id: Path(
            "/run/netns", f"{lab.places.namespace}-{server_id}"
        ).exists(),
        "booting": lambda server_id: server_id in lab.running(),
    }
    on = set()
    for name, has_come in moments.items():
        server_id = lab.boot(name)
        wait_until(lambda reached=has_come, server_id=server_id: reached(server_id))
        lab.kill()
        lab.up()
        on.add(server_id)

        assert {row["status"] for row in lab.state()["servers"]} == {"up"}
        assert lab.running() == on

    stopped, *_ = on
    lab.http.request("DELETE", f"server/{stopped}/power", json={"Force": True})
    lab.kill()
    lab.up()
    wait_until(lambda: "down" in {row["status"] for row in lab.state()["servers"]})

    assert lab.running() == on - {stopped}


def test_a_host_that_nobody_knows_is_removed_at_the_start(lab):
    server_id = lab.boot("lost")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()
    for path in lab.places.stores.iterdir():
        path.unlink()

    lab.up()

    assert lab.running() == set()
    assert lab.state()["owed"] == 0


def test_down_keeps_what_was_written_and_up_boots_it_again(lab):
    server_id = lab.boot("kept")
    wait_until(lambda: lab.running() == {server_id})

    lab.run("down")
    off = lab.running()
    lab.up()

    assert off == set()
    assert lab.running() == {server_id}
    assert lab.state()["servers"][0]["status"] == "up"


def test_a_lab_that_lost_its_port_boots_its_hosts_at_the_new_addresses(lab):
    server_id = lab.boot("moved")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()

    with take_port(lab.places):
        lab.up()

    (server,) = lab.state()["servers"]
    assert lab.state()["slot"] != 0
    assert lab.running() == {server_id}
    assert f"{server['addresses'][0]}/24" in addresses_in(f"{lab.places.namespace}-{server_id}")


def test_the_hosts_of_a_moved_lab_run_under_its_new_name_only(lab, tmp_path):
    server_id = lab.boot("moved")
    wait_until(lambda: lab.running() == {server_id})
    old = lab.places.namespace
    lab.directory = lab.directory.rename(tmp_path / "elsewhere")

    lab.up()

    assert lab.running() == {server_id}
    assert not list(Path("/run/netns").glob(f"{old}*"))


def test_the_callers_file_mask_is_not_the_hosts(tmp_path):
    hosts.prepare(lambda _: None)
    (tmp_path / "lab").mkdir(mode=0o755)
    lab = LabWithHosts(tmp_path / "lab", umask=0o077)
    server_id = lab.boot("masked")
    wait_until(lambda: lab.running() == {server_id})

    (root,) = lab.directory.glob("hosts/disks/*/upper")
    modes = [oct(path.stat().st_mode & 0o777) for path in (root, lab.directory / "hosts")]
    lab.http.close()
    lab.run("down", "--purge")

    assert modes == ["0o755", "0o700"]


def test_down_ends_a_start_that_nobody_waits_for(tmp_path):
    directory, tools = tmp_path / "lab", tmp_path / "tools"
    tools.mkdir()
    (tools / "mmdebstrap").write_text("#!/bin/sh\necho 'I: started' >&2\nexec sleep 300\n")
    (tools / "mmdebstrap").chmod(0o755)
    paths = {"PATH": f"{tools}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = command_of("up", directory, "--hosts", "full")
    with subprocess.Popen(
        command, env=os.environ | paths, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert any("started" in line for line in waiting.stderr)
        waiting.kill()
    pid = living_pid(places_of(directory))

    subprocess.run(command_of("down", directory, "--purge"), check=True, timeout=60)

    assert pid
    assert started_at(pid) == ""
    assert not list((tmp_path / "cache/kokunai/hosts").glob("*/building-*"))


def test_down_removes_hosts_that_a_later_start_without_hosts_knew_nothing_of(lab):
    server_id = lab.boot("forgotten")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()
    lab.run("up", "--hosts", "none")

    lab.run("down")

    assert lab.running() == set()


def take_port(places):
    taken = []

    def take():
        with contextlib.suppress(OSError):
            taken.append(port_slots._server_socket(places.port))
        return taken

    wait_until(take)
    return taken[0]


def addresses_in(namespace):
    command = ["ip", "-n", namespace, "-4", "address"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
