"""The daemon with real hosts: promised ones are on after a kill, and nothing stays at the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from kokunai.lab import hosts, slots
from kokunai.lab.hosts_choice import choose_hosts
from kokunai.lab.record import living_pid, places_of, started_at

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="hosts need root"),
]
RUN = "from kokunai.cli import main; main()"


class Lab:
    def __init__(self, directory, umask=-1):
        self.directory = directory
        self.umask = umask
        self.up()
        env = json.loads(self.run("env", "--json"))
        auth = (env["SAKURA_ACCESS_TOKEN"], env["SAKURA_ACCESS_TOKEN_SECRET"])
        root = f"{env['SAKURA_API_ROOT_URL']}/is1a/api/cloud/1.1/"
        self.http = httpx.Client(base_url=root, auth=auth, trust_env=False, timeout=60)

    def run(self, command, *options):
        arguments = [sys.executable, "-c", RUN, "lab", command, "--directory", str(self.directory)]
        done = subprocess.run(
            [*arguments, *options],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            umask=self.umask,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self):
        return self.run("up", "--hosts", "full", "--copy-seconds", "0.1")

    @property
    def places(self):
        return places_of(self.directory)

    def running(self):
        return choose_hosts(self.places, "full").running()

    def state(self):
        return json.loads(self.run("status", "--json"))

    def kill(self):
        pid, start = living_pid(self.places), started_at(living_pid(self.places))
        os.kill(pid, signal.SIGKILL)
        while started_at(pid) == start:
            time.sleep(0.01)

    def make_server(self, name):
        body = {
            "Name": name,
            "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
            "ConnectedSwitches": [{"Scope": "shared"}],
        }
        server = self.http.post("server", json={"Server": body}).json()["Server"]
        disk = {
            "Name": name,
            "SizeMB": 20480,
            "Plan": {"ID": 4},
            "SourceArchive": {"ID": "113700120201"},
            "Server": {"ID": server["ID"]},
        }
        config = {"Disk": disk, "Config": {"HostName": name}, "BootAtAvailable": True}
        assert self.http.post("disk", json=config).status_code == 202
        return server["ID"]


def wait_until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def lab(tmp_path):
    hosts.prepare(lambda _: None)
    made = Lab(tmp_path / "lab")
    yield made
    made.http.close()
    namespace = made.places.namespace
    made.run("down", "--purge")
    assert not made.directory.exists()
    assert not list(Path("/run/netns").glob(f"{namespace}*"))


def test_kills_during_boots_and_stops_end_as_the_store_wants(lab):
    first, second = lab.make_server("one"), lab.make_server("two")
    for pause_seconds in (0.05, 0.2, 0.6):
        time.sleep(pause_seconds)
        lab.kill()
        lab.up()

    assert {row["status"] for row in lab.state()["servers"]} == {"up"}
    assert lab.running() == {first, second}

    lab.http.request("DELETE", f"server/{first}/power", json={"Force": True})
    lab.kill()
    lab.up()
    wait_until(lambda: lab.state()["servers"][0]["status"] == "down")

    assert lab.running() == {second}


def test_a_host_that_nobody_knows_is_removed_at_the_start(lab):
    server_id = lab.make_server("lost")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()
    for suffix in ("", "-wal", "-shm"):
        lab.places.store.with_name(f"store.sqlite{suffix}").unlink(missing_ok=True)

    lab.up()

    assert lab.running() == set()
    assert lab.state()["owed"] == 0


def test_down_keeps_what_was_written_and_up_boots_it_again(lab):
    server_id = lab.make_server("kept")
    wait_until(lambda: lab.running() == {server_id})

    lab.run("down")
    off = lab.running()
    lab.up()

    assert off == set()
    assert lab.running() == {server_id}
    assert lab.state()["servers"][0]["status"] == "up"


def test_a_lab_that_lost_its_port_boots_its_hosts_at_the_new_addresses(lab):
    server_id = lab.make_server("moved")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()

    with take_port(lab.places):
        lab.up()

    (server,) = lab.state()["servers"]
    assert lab.state()["slot"] != 0
    assert lab.running() == {server_id}
    assert f"{server['addresses'][0]}/24" in addresses_in(f"{lab.places.namespace}-{server_id}")


def test_the_hosts_of_a_moved_lab_run_under_its_new_name_only(lab, tmp_path):
    server_id = lab.make_server("moved")
    wait_until(lambda: lab.running() == {server_id})
    old = lab.places.namespace
    lab.directory = lab.directory.rename(tmp_path / "elsewhere")

    lab.up()

    assert lab.running() == {server_id}
    assert not list(Path("/run/netns").glob(f"{old}*"))


def test_the_callers_file_mask_is_not_the_hosts(tmp_path):
    hosts.prepare(lambda _: None)
    (tmp_path / "lab").mkdir(mode=0o755)
    lab = Lab(tmp_path / "lab", umask=0o077)
    server_id = lab.make_server("masked")
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
    command = [sys.executable, "-c", RUN, "lab", "up", "--directory", str(directory)]
    with subprocess.Popen(
        [*command, "--hosts", "full"], env=os.environ | paths, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert any("started" in line for line in waiting.stderr)
        waiting.kill()
    pid = living_pid(places_of(directory))

    subprocess.run([*command[:4], "down", *command[5:], "--purge"], check=True, timeout=60)

    assert pid
    assert started_at(pid) == ""
    assert not list((tmp_path / "cache/kokunai/hosts").glob("*/building-*"))


def test_down_removes_hosts_that_a_later_start_without_hosts_knew_nothing_of(lab):
    server_id = lab.make_server("forgotten")
    wait_until(lambda: lab.running() == {server_id})
    lab.kill()
    lab.run("up", "--hosts", "none")

    lab.run("down")

    assert lab.running() == set()


def take_port(places):
    taken = []

    def take():
        with contextlib.suppress(OSError):
            taken.append(slots._server_socket(places.port))
        return taken

    wait_until(take)
    return taken[0]


def addresses_in(namespace):
    command = ["ip", "-n", namespace, "-4", "address"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
