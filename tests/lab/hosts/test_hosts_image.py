"""The shared root is built once from the machine's own apt set-up, or refused in one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from lab_process import wait_until

from kokunai.errors import KokunaiError
from kokunai.lab import hosts
from kokunai.lab.hosts import apt, choosing, image, image_files

STANZA = """\
Types: deb
URIs: http://example.test/debian
Suites: bookworm bookworm-updates
Components: main
"""
OTHERS = """
Types: deb
URIs: http://example.test/node
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://example.test/off
Suites: bookworm
Components: main
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    directory = tmp_path / "apt"
    (directory / "sources.list.d").mkdir(parents=True)
    monkeypatch.setattr(apt, "_SOURCES", directory)
    return directory


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def silent_mirror(monkeypatch):
    """An archive that takes every connection and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv(
        "KOKUNAI_DEBIAN_MIRROR", f"http://127.0.0.1:{server.getsockname()[1]}/debian"
    )
    yield server
    server.close()


def test_the_machines_own_stanzas_of_this_release_are_used_and_no_others(sources):
    (sources / "sources.list.d/debian.sources").write_text(STANZA + OTHERS)

    text = apt.sources()

    assert "http://example.test/debian" in text
    assert "node" not in text
    assert "/off" not in text


def test_one_line_entries_are_read_with_their_keys(sources):
    line = (
        "deb [arch=amd64 signed-by=/k.gpg] http://example.test/debian bookworm main contrib # x\n"
    )
    (sources / "sources.list").write_text(f"# deb http://commented.test bookworm main\n{line}")

    text = apt.sources()

    assert "Components: main contrib\nSigned-By: /k.gpg" in text
    assert "commented" not in text


def test_another_distribution_falls_back_to_the_public_archive(sources):
    (sources / "sources.list").write_text("deb http://example.test/ubuntu noble main\n")

    assert "URIs: http://deb.debian.org/debian-security" in apt.sources()


def test_a_mirror_of_the_users_choice_comes_first(sources, monkeypatch):
    (sources / "sources.list.d/debian.sources").write_text(STANZA)
    monkeypatch.setenv("KOKUNAI_DEBIAN_MIRROR", "http://mirror.test/debian")

    text = apt.sources()

    assert "http://mirror.test/debian" in text
    assert "example.test" not in text


def test_only_options_of_the_way_to_the_archive_are_taken_over(tmp_path, monkeypatch):
    program = tmp_path / "apt-config"
    lines = (
        'Acquire::http::Proxy "http://proxy.test:3128";',
        'Acquire::https::CaInfo "/ca.pem";',
        'Acquire::http "";',
        'DPkg::Post-Invoke:: "rm -rf /";',
    )
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert apt.options() == [*lines[:2], 'Acquire::Languages "none";']


def test_the_cache_follows_xdg_and_changes_with_the_recipe(cache, monkeypatch):
    before = image.directory()

    monkeypatch.setattr(image_files, "_MASKED", "another.service")

    assert before.is_relative_to(cache / "kokunai" / "hosts")
    assert image.directory() != before


def test_a_finished_root_has_labels_stand_ins_and_no_host_keys(tmp_path):
    (tmp_path / "etc/ssh").mkdir(parents=True)
    (tmp_path / "etc/ssh/ssh_host_rsa_key").touch()
    (tmp_path / "sbin").mkdir()

    image_files.finish(tmp_path)
    image_files.finish(tmp_path)

    assert not list((tmp_path / "etc/ssh").glob("ssh_host_*"))
    assert "SIMULATION" in (tmp_path / "sbin/mount.nfs4").read_text()
    assert (tmp_path / "etc/machine-id").read_text() == ""


def test_tools_that_are_missing_are_named_with_their_packages(monkeypatch):
    monkeypatch.setattr(choosing.shutil, "which", lambda tool, path: None)

    with pytest.raises(KokunaiError) as refusal:
        hosts.prepare(print)

    assert "apt-get install -y" in str(refusal.value)
    assert "systemd-container" in str(refusal.value)
    assert "systemd-container" not in hosts.missing_packages("light")


@pytest.mark.hosts
def test_an_archive_that_cannot_be_reached_is_refused_and_leaves_no_root(cache, silent_mirror):
    silent_mirror.close()

    with pytest.raises(KokunaiError) as refusal:
        image.ensure(lambda _: None)

    assert "apt-get update" in str(refusal.value)
    assert [path.name for path in image.directory().parent.iterdir()] == ["lock"]


@pytest.mark.hosts
def test_the_way_to_the_archive_is_not_on_the_command_line(cache, tmp_path, monkeypatch):
    tool = tmp_path / "mmdebstrap"
    tool.write_text(
        '#!/bin/sh\necho "I: $*" >&2\nfor word; do case $word in --aptopt=*)'
        ' sed "s/^/E: /" "${word#--aptopt=}" >&2 ;; esac; done\nexit 1\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "options", lambda: ['Acquire::http::Proxy "http://me:word@x";'])
    said = []

    with pytest.raises(KokunaiError) as refusal:
        image.ensure(said.append)

    assert "me:word" in str(refusal.value)
    assert not [line for line in said if "me:word" in line]


@pytest.mark.hosts
def test_a_build_that_is_killed_leaves_no_mount_and_no_process(cache, silent_mirror):
    code = "from kokunai.lab.hosts import image; image.ensure(lambda line: print(line, flush=True))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as builder:
        for line in builder.stdout:
            if "apt-get update" in line:
                break
        mounts = Path(f"/proc/{builder.pid}/mountinfo").read_text()
        builder.send_signal(signal.SIGKILL)
    wait_until(lambda: not processes_of(cache))

    assert str(cache) not in mounts
    assert not image.is_built()


@pytest.mark.hosts
def test_what_a_killed_build_left_is_cleared_and_a_second_builder_waits(cache, monkeypatch):
    stale = image.directory().parent / "building-stale"
    stale.mkdir(parents=True)
    built, told = [], []

    def build(directory, building, progress):
        built.append(directory)
        (building / "etc/ssh").mkdir(parents=True)
        (building / "sbin").mkdir()
        wait_until(lambda: sum("waiting" in line for line in told) == 2)

    monkeypatch.setattr(image, "_run_builder", build)
    threads = [threading.Thread(target=image.ensure, args=(told.append,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(built) == 1
    assert image.is_built()
    assert not stale.exists()


@pytest.mark.hosts
def test_a_root_is_built_readable_whatever_the_callers_file_mask_is(cache, monkeypatch):
    def build(directory, building, progress):
        (building / "etc/ssh").mkdir(parents=True)
        (building / "sbin").mkdir()

    monkeypatch.setattr(image, "_run_builder", build)
    mask = os.umask(0o077)

    root = image.ensure(lambda _: None)
    kept = os.umask(mask)

    assert (root / "etc/systemd/system").stat().st_mode & 0o777 == 0o755
    assert kept == 0o077


def processes_of(directory):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path] if str(directory) in path.read_bytes().decode(errors="replace") else []
        except OSError:
            continue
    return found
