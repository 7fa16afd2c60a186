"""Verdicts about a host, judged on directories that stand for it."""

import errno
import importlib.util
import os
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "playbooks/roles/verify/files/verify.py"
_SPEC = importlib.util.spec_from_file_location("verify", SCRIPT)
verify = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(verify)


@pytest.fixture
def machine(tmp_path: Path):
    return verify.Machine(str(tmp_path))


def _put(machine, path: str, text: str = "") -> None:
    target = machine.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def _device(machine, slot: str, vendor: str, pci_class: str) -> None:
    _put(machine, f"sys/bus/pci/devices/{slot}/vendor", f"0x{vendor}\n")
    _put(machine, f"sys/bus/pci/devices/{slot}/class", f"0x{pci_class}00\n")


def _expected(**changes):
    return {"gpu_count": 2, "gpu_vendor_id": "10de", "driver_version": "", **changes}


def test_gpus_are_counted_by_vendor_and_class(machine):
    _device(machine, "0000:01:00.0", "10de", "0302")
    _device(machine, "0000:02:00.0", "10de", "0300")
    _device(machine, "0000:03:00.0", "10de", "0680")
    _device(machine, "0000:04:00.0", "15b3", "0207")

    judged = verify.judge_gpu_count(machine, _expected())

    assert (judged["value"], judged["verdict"]) == (2, "pass")


def test_a_missing_gpu_fails(machine):
    _device(machine, "0000:01:00.0", "10de", "0302")

    judged = verify.judge_gpu_count(machine, _expected())

    assert (judged["value"], judged["verdict"]) == (1, "fail")
    assert "2 promised, 1 seen" in judged["reason"]


def test_no_promise_is_no_pass(machine):
    assert verify.judge_gpu_count(machine, _expected(gpu_count=0))["verdict"] == "not-verified"


def test_accelerators_of_another_vendor_are_found_the_same_way(machine):
    _device(machine, "0000:01:00.0", "1002", "1200")

    assert machine.gpu_count("1002") == 1


def test_simulated_gpus_say_so(machine):
    _put(machine, "etc/kokunai-simulation")
    _device(machine, "0000:01:00.0", "10de", "0302")

    judged = verify.judge_gpu_count(machine, _expected(gpu_count=1))

    assert judged["verdict"] == "pass"
    assert "simulated host" in judged["reason"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module  570.133.20  Release Build\n",
        ),
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release\n",
        ),
        ("sys/module/nvidia/version", "570.133.20\n"),
    ],
)
def test_the_driver_version_is_read_from_the_kernel(machine, path, text):
    _put(machine, path, text)

    judged = verify.judge_driver(machine, _expected(driver_version="570.133.20"))

    assert (judged["value"], judged["verdict"]) == ("570.133.20", "pass")


def test_another_driver_than_asked_for_fails(machine):
    judged = verify.judge_driver(machine, _expected(driver_version="570.133.20"))

    assert judged["verdict"] == "fail"


def test_a_driver_nobody_asked_for_is_not_verified(machine):
    assert verify.judge_driver(machine, _expected())["verdict"] == "not-verified"


@pytest.mark.parametrize("threshold", [0, 440.0])
def test_bandwidth_is_never_a_pass_without_a_measurement(machine, threshold):
    expected = _expected(nccl_bandwidth_threshold_gbps=threshold)

    assert verify.judge_nccl_bandwidth(machine, expected)["verdict"] == "not-verified"


def test_a_kernel_parameter_that_did_not_take_fails_on_a_real_host(machine):
    _put(machine, "proc/sys/net/core/somaxconn", "128\n")

    judged = verify.judge_kernel_parameters(
        machine, {"kernel_parameters": {"net.core.somaxconn": "4096"}}
    )

    assert judged["verdict"] == "fail"
    assert "net.core.somaxconn=128" in judged["reason"]


def test_a_kernel_parameter_that_did_not_take_is_told_on_a_simulated_host(machine):
    _put(machine, "etc/kokunai-simulation")

    judged = verify.judge_kernel_parameters(
        machine, {"kernel_parameters": {"net.core.somaxconn": "4096"}}
    )

    assert judged["verdict"] == "not-verified"
    assert "simulated host" in judged["reason"]


def test_parameters_of_several_numbers_compare_without_tabs(machine):
    _put(machine, "proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")

    judged = verify.judge_kernel_parameters(
        machine, {"kernel_parameters": {"net.ipv4.tcp_rmem": "4096 131072 6291456"}}
    )

    assert judged["verdict"] == "pass"


def _share(path: str):
    return {"server": "192.168.10.9", "export": "/export", "path": path}


def test_a_missing_mount_fails_on_a_real_host(machine):
    _put(machine, "proc/self/mounts", "192.168.10.9:/export /mnt/a nfs4 rw 0 0\n")
    (machine.root / "mnt/a").mkdir(parents=True)

    good = verify.judge_storage(machine, {"mounts": [_share("/mnt/a/")]})
    bad = verify.judge_storage(machine, {"mounts": [_share("/mnt/a"), _share("/mnt/b")]})

    assert (good["verdict"], bad["verdict"]) == ("pass", "fail")
    assert "/mnt/b" in bad["reason"]


def test_another_file_system_in_the_place_of_the_share_is_no_pass(machine):
    lines = "192.168.10.9:/export /mnt/a nfs4 rw 0 0\ntmpfs /mnt/a tmpfs rw 0 0\n"
    _put(machine, "proc/self/mounts", lines)
    (machine.root / "mnt/a").mkdir(parents=True)
    expected = {"mounts": [_share("/mnt/a")]}

    real = verify.judge_storage(machine, expected)
    _put(machine, "etc/kokunai-simulation")
    simulated = verify.judge_storage(machine, expected)

    assert (real["verdict"], simulated["verdict"]) == ("fail", "pass")
    assert "simulated host" in simulated["reason"]


@pytest.fixture
def share(machine) -> Path:
    """A directory that stands for the mounted share /mnt/a."""
    _put(machine, "proc/self/mounts", "192.168.10.9:/export /mnt/a nfs4 rw 0 0\n")
    folder = machine.root / "mnt/a"
    folder.mkdir(parents=True)
    return folder


def _judged(machine):
    return verify.judge_storage(machine, {"mounts": [_share("/mnt/a")]})


def test_a_share_is_written_read_back_and_left_as_it_was(machine, share, monkeypatch):
    (share / "kept").write_text("x")

    judged = _judged(machine)

    assert (judged["verdict"], judged["value"], judged["reason"]) == ("pass", ["/mnt/a"], "")
    assert [path.name for path in share.iterdir()] == ["kept"]


def test_a_share_that_gives_back_something_else_fails(machine, share, monkeypatch):
    monkeypatch.setattr(os, "pread", lambda _handle, size, _place: b"0" * size)

    judged = _judged(machine)

    assert judged["verdict"] == "fail"
    assert "another text" in judged["reason"]
    assert list(share.iterdir()) == []


def test_a_share_that_does_not_answer_fails_within_the_limit(machine, share, monkeypatch):
    def hang(_path):
        # As a dead server holds whoever asks.
        time.sleep(600)

    monkeypatch.setattr(verify, "TRIAL_SECONDS", 0.2)
    monkeypatch.setattr(os, "statvfs", hang)

    began = time.monotonic()
    judged = _judged(machine)

    assert time.monotonic() - began < 5
    assert judged["verdict"] == "fail"
    assert "does not answer within 0.2 seconds" in judged["reason"]


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (errno.ESTALE, "fail"),
        (errno.EIO, "fail"),
        (errno.EROFS, "fail"),
        (errno.ENOSPC, "not-verified"),
        (errno.EDQUOT, "not-verified"),
        (errno.EACCES, "not-verified"),
    ],
)
def test_what_a_write_says_decides(machine, share, monkeypatch, number: int, verdict: str):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)

    judged = _judged(machine)

    assert judged["verdict"] == verdict
    assert os.strerror(number) in judged["reason"]
    assert list(share.iterdir()) == []


def test_a_stale_mount_fails_without_a_write(machine, share, monkeypatch):
    def stale(_path):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "statvfs", stale)

    assert _judged(machine)["verdict"] == "fail"
    assert "Stale file handle" in _judged(machine)["reason"]


def test_a_read_only_share_is_only_read(machine, share, monkeypatch):
    _put(machine, "proc/self/mounts", "192.168.10.9:/export /mnt/a nfs4 ro,hard 0 0\n")
    monkeypatch.setattr(verify, "_written", lambda _file: ("fail", "it was written"))

    judged = _judged(machine)

    assert (judged["verdict"], judged["reason"]) == ("pass", "/mnt/a: 読み取り専用 / read-only")


def test_a_dead_share_fails_on_a_simulated_host_too(machine, share):
    _put(machine, "etc/kokunai-simulation")
    share.rmdir()

    judged = _judged(machine)

    assert judged["verdict"] == "fail"
    assert "simulated host" not in judged["reason"]


def test_a_child_that_dies_is_no_pass(machine, share, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _path: os._exit(3))

    assert _judged(machine)["verdict"] == "fail"


def test_an_address_that_is_missing_fails(machine, monkeypatch):
    monkeypatch.setattr(verify, "addresses", lambda: {"198.18.0.11/24"})

    judged = verify.judge_addresses(
        machine, {"addresses": ["192.168.10.11/24"], "login_address": "198.18.0.11"}
    )

    assert judged["verdict"] == "fail"


def test_a_node_of_many_containers_tells_some_addresses_and_judges_all(machine, monkeypatch):
    monkeypatch.setattr(verify, "addresses", lambda: {f"fe80::{n:x}/64" for n in range(5000)})

    judged = verify.judge_addresses(
        machine, {"addresses": ["fe80::1387/64"], "login_address": "fe80::1387"}
    )

    assert judged["verdict"] == "pass"
    assert len(judged["value"]) <= 1000


def test_addresses_nothing_could_set_are_not_verified_on_a_simulated_host(machine, monkeypatch):
    monkeypatch.setattr(verify, "addresses", lambda: {"127.0.7.1/8"})
    _put(machine, "etc/kokunai-simulation")
    expected = {"addresses": ["192.168.10.11/24"], "login_address": "127.0.7.1"}

    without = verify.judge_addresses(machine, expected)
    _put(machine, "run/systemd/system/x")
    with_systemd = verify.judge_addresses(machine, expected)

    assert (without["verdict"], with_systemd["verdict"]) == ("not-verified", "fail")


def test_a_login_address_behind_translation_is_not_verified(machine, monkeypatch):
    monkeypatch.setattr(verify, "addresses", lambda: {"10.0.0.5/24"})

    judged = verify.judge_addresses(machine, {"addresses": [], "login_address": "203.0.113.9"})

    assert judged["verdict"] == "not-verified"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ((0, "C0A8,10.0.0.1,2,1.0,0,0,0,0,0,0,0,0,64,Normal\n"), "pass"),
        ((0, "7F7F,,0,0.0,0,0,0,0,0,0,0,0,0,Not synchronised\n"), "not-verified"),
        ((1, "506 Cannot talk to daemon\n"), "fail"),
    ],
)
def test_time_is_judged_by_what_the_daemon_says(machine, monkeypatch, answer, verdict):
    monkeypatch.setattr(verify, "run", lambda *_command: answer)

    assert verify.judge_time_sync(machine, {})["verdict"] == verdict


def test_the_host_name_must_be_the_one_asked_for(machine):
    _put(machine, "proc/sys/kernel/hostname", "node-1\n")

    assert verify.judge_host_name(machine, {"host_name": "node-1"})["verdict"] == "pass"
    assert verify.judge_host_name(machine, {"host_name": "node-2"})["verdict"] == "fail"
