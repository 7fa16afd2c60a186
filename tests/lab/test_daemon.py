"""The daemon and the commands around it: started, killed, asked and stopped as a user does."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import httpx
import pytest
from lab_process import QUICK, LabProcess, command_of, wait_until

from kokunai.cli.lab import lab as lab_commands
from kokunai.lab import port_slots
from kokunai.lab.places import Places
from kokunai.lab.state_file import started_at

pytestmark = pytest.mark.e2e


@pytest.fixture
def lab(tmp_path):
    yield (made := LabProcess(tmp_path / "lab"))
    made.run("down", "--purge")
    assert not made.directory.exists()


def test_up_is_idempotent_and_down_ends_it(lab):
    first = lab.up()
    pid = lab.pid
    second = lab.up()

    assert "none" in first.stdout
    assert (second.stdout, lab.pid) == (first.stdout, pid)
    assert "servers 0" in lab.run("status").stdout
    lab.run("down")
    assert lab.pid == 0
    assert "動いていません" in lab.run("status", code=1).stdout
    lab.run("down")


def test_ups_at_the_same_time_start_one_daemon(lab):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: lab.up().stdout, range(3)))

    assert len(set(answers)) == 1


def test_everything_survives_a_kill(lab):
    lab.up(*QUICK)
    body = {"Server": {"Name": "kept", "ServerPlan": {"CPU": 1, "MemoryMB": 1024}}}
    with lab.client() as client:
        server = client.post("server", json=body).json()["Server"]
        client.put(f"server/{server['ID']}/power")

        lab.kill()
        down = lab.run("status", code=1)
        lab.up()

        shown = client.get(f"server/{server['ID']}").json()["Server"]
    assert "not running" in down.stdout
    assert (shown["Name"], shown["Instance"]["Status"]) == ("kept", "up")


def _write_until_cut_off(client, answered):
    while True:
        try:
            reply = client.post("switch", json={"Switch": {"Name": "switch"}})
        except httpx.TransportError:
            return
        answered.append(reply.json()["Switch"]["ID"])


def test_kills_in_the_middle_of_writing_lose_nothing_that_was_answered(lab):
    lab.up(*QUICK)
    answered = []
    with lab.client() as client, ThreadPoolExecutor(1) as pool:
        for wanted in (10, 20, 30, 40):
            writing = pool.submit(_write_until_cut_off, client, answered)
            wait_until(lambda wanted=wanted: len(answered) >= wanted, pause=0.001)
            lab.kill()
            writing.result()
            lab.up()
        kept = {row["ID"] for row in client.get("switch").json()["Switches"]}

    assert set(answered) <= kept
    # At most the one call that a kill cut off was written without an answer.
    assert len(kept) <= len(answered) + 4


def test_a_recycled_process_id_is_never_killed(lab):
    lab.up()
    lab.kill()
    bystander = subprocess.Popen(["sleep", "60"])
    places = lab.places
    places.pid_file.write_text(f"{bystander.pid} 1 {places.lab_id}\n")

    lab.run("down")

    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_daemon_whose_files_are_gone_is_found_and_stopped(lab):
    lab.up()
    pid = lab.pid
    subprocess.run(["rm", "-r", str(lab.directory)], check=True)

    lab.run("down")

    assert started_at(pid) == ""


def test_up_replaces_a_daemon_whose_files_are_gone(lab):
    lab.up()
    lost = lab.pid
    subprocess.run(["rm", "-r", str(lab.directory)], check=True)

    lab.up()

    assert started_at(lost) == ""
    assert lab.state()["slot"] == 0


def test_a_copied_lab_leaves_the_one_it_was_copied_from_alone(lab, tmp_path):
    lab.up()
    pid = lab.pid
    copy = LabProcess(tmp_path / "copy")
    shutil.copytree(lab.directory, copy.directory)

    copy.run("status", code=1)
    copy.up()
    copy.run("down", "--purge")

    assert lab.pid == pid
    assert lab.state()["pid"] == pid


def test_a_moved_lab_ends_what_still_runs_at_its_old_place(lab, tmp_path):
    lab.up(*QUICK)
    with lab.client() as client:
        client.post("switch", json={"Switch": {"Name": "kept"}})
    pid = lab.pid
    moved = LabProcess(lab.directory.rename(tmp_path / "moved"))

    moved.up()

    assert started_at(pid) == ""
    assert moved.state()["counts"]["switches"] == 1
    moved.run("down", "--purge")


def test_down_works_where_there_never_was_a_lab(lab):
    assert "lab is down" in lab.run("down").stdout
    assert not lab.directory.exists()


def test_a_mistyped_directory_survives_a_purge(lab, tmp_path):
    mistyped = LabProcess(tmp_path / "thesis")
    (mistyped.directory / "hosts").mkdir(parents=True)
    (mistyped.directory / "lab.log").touch()

    mistyped.run("down", "--purge")

    assert sorted(path.name for path in mistyped.directory.iterdir()) == ["hosts", "lab.log"]


def test_a_purge_leaves_what_somebody_put_beside_the_lab(lab, tmp_path):
    shared = LabProcess(tmp_path / "shared")
    shared.directory.mkdir()
    (shared.directory / "thesis.txt").touch()
    shared.up()

    shared.run("down", "--purge")

    assert [path.name for path in shared.directory.iterdir()] == ["thesis.txt"]


def test_a_taken_port_moves_the_lab_to_the_next_slot_for_good(lab):
    wanted = port_slots._server_socket(Places(lab.directory).port)

    lab.up()
    wanted.close()
    slot = lab.state()["slot"]
    lab.run("down")
    lab.up()

    assert slot == 1
    assert lab.state()["slot"] == 1
    assert lab.state()["port"] == Places(lab.directory, 1).port


def test_a_port_that_is_free_again_in_a_moment_is_waited_for(tmp_path):
    dying = port_slots._server_socket(Places(tmp_path).port)
    threading.Timer(0.2, dying.close).start()

    slot = port_slots.claim(tmp_path, 0)

    slot.server.close()
    slot.network_lock.close()
    assert slot.places.slot == 0


def test_another_setting_for_a_running_lab_is_not_passed_over_in_silence(lab):
    lab.up()

    same, other = lab.up(), lab.run("up", "--hosts", "light")

    assert "keeps its settings" not in same.stderr
    assert "keeps its settings" in other.stderr


def test_a_taken_network_moves_the_lab_too(lab):
    lock = port_slots._network_lock(Places(lab.directory).shared_network)

    lab.up()

    lock.close()
    assert lab.state()["slot"] == 1


def test_a_route_into_the_network_is_somebody_elses():
    header = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    network = Places(Path("/x")).shared_network
    number = bytes(reversed(network.network_address.packed)).hex()
    routed = f"{header}eth0 {number} 0 1 0 0 0 00FFFFFF 0 0 0\n"
    default = f"{header}eth0 00000000 0 1 0 0 0 00000000 0 0 0\n"

    assert port_slots._routed(network, routed)
    assert not port_slots._routed(network, default)


def test_a_store_that_cannot_be_read_is_told_in_one_sentence(lab):
    lab.places.stores.mkdir(parents=True)
    lab.places.store("sakura_iaas").write_bytes(b"no database" * 100)

    refused = lab.up(code=1)

    assert "--purge" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_store_that_cannot_be_opened_is_told_without_throwing_it_away(lab):
    lab.places.stores.mkdir(parents=True)
    lab.places.store("sakura_iaas").mkdir()

    refused = lab.up(code=1)
    lab.places.store("sakura_iaas").rmdir()

    assert "could not be used (unable to open database file)" in refused.stderr
    assert "--purge" not in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["up", "down", "status", "exec"])
def test_a_place_that_cannot_be_used_is_told_in_one_sentence(tmp_path, command):
    (tmp_path / "file").touch()
    lab = LabProcess(tmp_path / "file" / "lab")

    done = lab.run(command, *(["true"] if command == "exec" else []), code=None)

    assert "Traceback" not in done.stderr
    if command in ("up", "down"):
        assert (done.returncode, "could not be used" in done.stderr) == (1, True)


def test_every_option_says_what_it_does():
    parameters = [each for command in lab_commands.commands.values() for each in command.params]
    options = [each for each in parameters if isinstance(each, click.Option)]

    assert [option.name for option in options if not option.help] == []


def test_the_environment_can_be_printed_and_used(lab):
    lab.up()

    printed = lab.run("env").stdout
    used = lab.run("exec", "--", "sh", "-c", "echo $SAKURA_ZONE; exit 3", code=3)

    assert printed.startswith("export SAKURA_API_ROOT_URL=http://127.0.0.1:")
    assert used.stdout == "is1a\n"
    assert "dummy" in printed


def test_the_environment_of_a_lab_that_never_ran_is_not_final(lab):
    before = lab.run("env")
    lab.up()
    after = lab.run("env")

    assert "the port may still change" in before.stderr
    assert (after.stdout, after.stderr) == (before.stdout, "")


def test_who_waits_for_another_up_is_told(lab):
    lab.directory.mkdir()
    command = command_of("up", lab.directory, "--hosts", "none")
    with (lab.directory / "control.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
            told = waiting.stderr.readline()
            fcntl.flock(lock, fcntl.LOCK_UN)

    assert "Waiting for another up" in told
    assert waiting.returncode == 0


def test_no_secret_reaches_the_directory_or_the_process_list(lab):
    lab.up(*QUICK)
    secret = "never-write-this-down"
    variables = lab.variables()
    with lab.client() as client:
        [archive, *_] = client.get("archive").json()["Archives"]
        disk = {
            "Name": "d",
            "SizeMB": 20480,
            "Plan": {"ID": 4},
            "SourceArchive": {"ID": archive["ID"]},
        }
        body = {"Disk": disk, "Config": {"Password": secret}}
        assert client.post("disk", json=body).status_code == 202

    command = Path(f"/proc/{lab.pid}/cmdline").read_text()
    kept = b"".join(path.read_bytes() for path in lab.directory.rglob("*") if path.is_file())
    for word in (secret, variables["SAKURA_ACCESS_TOKEN_SECRET"]):
        assert word.encode() not in kept
        assert word not in command
    assert lab.directory.stat().st_mode & 0o777 == 0o700


def test_labs_in_two_directories_do_not_meet(lab, tmp_path):
    other = LabProcess(tmp_path / "other")
    lab.up()
    other.up()
    with lab.client() as client:
        client.post("switch", json={"Switch": {"Name": "mine"}})

    other_state = other.state()
    other.run("down", "--purge")

    assert other_state["counts"]["switches"] == 0
    assert lab.state()["counts"]["switches"] == 1


def test_the_store_is_an_ordinary_database_after_the_end(lab):
    lab.up(*QUICK)
    with lab.client() as client:
        client.post("switch", json={"Switch": {"Name": "switch"}})
    lab.run("down")

    with sqlite3.connect(lab.places.store("sakura_iaas")) as database:
        (result,) = database.execute("PRAGMA integrity_check").fetchone()
        (count,) = database.execute("SELECT count(*) FROM documents").fetchone()
    database.close()

    assert (result, count) == ("ok", 1)
