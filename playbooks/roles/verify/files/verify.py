"""Compares a host with what was promised of it and prints a verdict for each check as JSON."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

Result = dict[str, Any]
"""value, verdict and reason of one check."""

PASS, FAIL, NOT_VERIFIED = "pass", "fail", "not-verified"
# PCI classes of GPUs: VGA, 3D, other display, processing accelerator. Names are never parsed.
GPU_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
TRIAL_SECONDS = 20
MOST_ADDRESSES = 64
# Of these errors the share is no cause: it is full, or its server lets root write nothing.
ANSWERED = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM)
SIMULATED = "模擬ホストです / simulated host"


class Mounted(NamedTuple):
    """A row of the mount table."""

    source: str
    options: str

    def is_read_only(self) -> bool:
        return "ro" in self.options.split(",")


def _unescaped(text: str) -> str:
    """A path of the mount table, in which spaces and others are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


class Machine:
    """Reads the state of the machine below `root`; no method writes."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def text(self, path: str) -> str:
        """Contents of a file without outer spaces; empty for a missing file."""
        try:
            return (self.root / path).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def simulated(self) -> bool:
        return (self.root / "etc/kokunai-simulation").exists()

    def has_systemd(self) -> bool:
        return (self.root / "run/systemd/system").exists()

    def gpu_count(self, vendor_id: str) -> int:
        slots = (self.root / "sys/bus/pci/devices").glob("*")
        return sum(self._is_gpu(slot, vendor_id) for slot in slots)

    def _is_gpu(self, slot: Path, vendor_id: str) -> bool:
        where = slot.relative_to(self.root)
        vendor = self.text(f"{where}/vendor")
        return vendor == f"0x{vendor_id}" and self.text(f"{where}/class")[:6] in GPU_CLASSES

    def driver_version(self) -> str:
        loaded = re.search(
            r"Module\s+(?:for \S+\s+)?(\d[\d.]*)", self.text("proc/driver/nvidia/version")
        )
        return loaded[1] if loaded else self.text("sys/module/nvidia/version")

    def kernel_parameter(self, name: str) -> str:
        return re.sub(r"\s+", " ", self.text("proc/sys/" + name.replace(".", "/")))

    def mounted(self) -> dict[str, Mounted]:
        """By mount point, what is mounted; of several mounts at a point, the last is in use."""
        rows = [line.split() for line in self.text("proc/self/mounts").splitlines()]
        return {_unescaped(row[1]): Mounted(_unescaped(row[0]), row[3]) for row in rows if row[3:]}


def run(*command: str) -> tuple[int, str]:
    """Exit code and output of a command; a missing program counts as failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 127, ""
    return done.returncode, done.stdout


def addresses() -> set[str]:
    """Addresses with prefix length of every interface but the loopback."""
    code, output = run("ip", "-json", "address")
    links = json.loads(output) if code == 0 and output else []
    infos = [info for link in links for info in link.get("addr_info", [])]
    return {f"{info['local']}/{info['prefixlen']}" for info in infos if info.get("scope") != "host"}


def result(value: Any, verdict: str, reason: str = "") -> Result:
    return {"value": value, "verdict": verdict, "reason": reason}


def judge_gpu_count(machine: Machine, expected: dict[str, Any]) -> Result:
    if not expected["gpu_count"]:
        return result("", NOT_VERIFIED, "GPU なしのプランです / no GPU is promised")
    count = machine.gpu_count(expected["gpu_vendor_id"])
    if count == expected["gpu_count"]:
        return result(count, PASS, SIMULATED if machine.simulated() else "")
    wanted = expected["gpu_count"]
    return result(
        count, FAIL, f"GPU は {wanted} 基のはずが {count} 基 / {wanted} promised, {count} seen"
    )


def judge_driver(machine: Machine, expected: dict[str, Any]) -> Result:
    version, wanted = machine.driver_version(), expected["driver_version"]
    if machine.simulated():
        return result(version, NOT_VERIFIED, SIMULATED)
    if not wanted:
        return result(version, NOT_VERIFIED, "バージョンの指定なし / no version is asked for")
    verdict = PASS if version == wanted else FAIL
    return result(
        version, verdict, "" if verdict == PASS else f"{wanted} のはずです / wanted {wanted}"
    )


def judge_nccl_bandwidth(machine: Machine, expected: dict[str, Any]) -> Result:
    if machine.simulated():
        return result("", NOT_VERIFIED, SIMULATED)
    if not expected["nccl_bandwidth_threshold_gbps"]:
        return result("", NOT_VERIFIED, "この機種の基準値なし / no threshold for this platform")
    return result("", NOT_VERIFIED, "まだ測っていません / not measured yet")


def judge_time_sync(machine: Machine, _expected: dict[str, Any]) -> Result:
    # A daemon that has just started needs a few replies, which a simulated host may never get.
    if not machine.simulated():
        run("chronyc", "waitsync", "10", "0", "0", "1")
    code, output = run("chronyc", "-c", "tracking")
    state = output.strip().split(",")[-1] if code == 0 else ""
    if machine.simulated():
        return result(state, NOT_VERIFIED, SIMULATED)
    if not state:
        return result("", FAIL, "chrony が応答しません / chrony does not answer")
    if state == "Not synchronised":
        return result(state, NOT_VERIFIED, "時刻サーバーの応答待ち / waiting for the time servers")
    return result(state, PASS)


def judge_host_name(machine: Machine, expected: dict[str, Any]) -> Result:
    host_name = machine.text("proc/sys/kernel/hostname")
    if host_name == expected["host_name"]:
        return result(host_name, PASS)
    return result(host_name, FAIL, f"{expected['host_name']} のはずです / not as promised")


def judge_addresses(machine: Machine, expected: dict[str, Any]) -> Result:
    present = addresses()
    # A node of many containers has an address for each.
    seen = sorted(present)[:MOST_ADDRESSES]
    missing = sorted(set(expected["addresses"]) - present)
    if missing:
        reason = "ありません / missing: " + ", ".join(missing)
        # A simulated host without systemd has no service that would set the addresses.
        if machine.simulated() and not machine.has_systemd():
            return result(seen, NOT_VERIFIED, f"{reason} ({SIMULATED})")
        return result(seen, FAIL, reason)
    # Behind address translation no interface has the login address, which is correct.
    if expected["login_address"] not in {address.split("/")[0] for address in present}:
        why = "接続先アドレスがどの NIC にもありません / the login address is on no interface"
        return result(seen, NOT_VERIFIED, why)
    return result(seen, PASS)


LISTING = "/usr/sbin/nft --stateless --numeric list table inet kokunai"


def judge_firewall(machine: Machine, expected: dict[str, Any]) -> Result:
    """The rules that filter now against those of the file, which a place of its own loads."""
    code, present = run(*LISTING.split())
    if not expected["firewall"]:
        why = "設定により無効です / switched off by hosts.firewall"
        left = "無効のはずですが、動いています / it filters although it is switched off"
        return result("", NOT_VERIFIED, why) if code else result("on", FAIL, left)
    load = f"/usr/sbin/nft --file {machine.root / 'etc/kokunai/firewall.nft'} && {LISTING}"
    loaded, wanted = run("unshare", "--net", "sh", "-c", load)
    if code and machine.simulated() and run("/usr/sbin/nft", "list", "tables")[0]:
        return result("", NOT_VERIFIED, SIMULATED)
    if code:
        return result("", FAIL, "ルールがありません / there are no rules")
    if loaded:
        return result("on", NOT_VERIFIED, "ルールを比べられません / the rules cannot be compared")
    if present != wanted:
        return result("on", FAIL, "ルールが変えられています / the rules are not those of the file")
    return result("on", PASS)


def try_shares(machine: Machine, mounts: dict[str, Mounted]) -> dict[str, tuple[str, str]]:
    """By path, the verdict and its reason, all shares at once within TRIAL_SECONDS.

    Each is tried by a child: a share whose server is gone holds whoever asks for ever.
    """
    trials = {path: _Trial(machine.root / path.lstrip("/"), mounts[path]) for path in mounts}
    deadline = time.monotonic() + TRIAL_SECONDS
    return {path: trial.ended(deadline) for path, trial in trials.items()}


class _Trial:
    """A child that writes to a share and reads back, or only reads where it is read-only."""

    def __init__(self, folder: Path, mount: Mounted) -> None:
        reading, writing = os.pipe()
        self.child = os.fork()
        if not self.child:
            _let_go_of_the_session()
            told = _tried(folder, read_only=mount.is_read_only())
            os.write(writing, json.dumps(told).encode())
            os._exit(0)
        os.close(writing)
        self.answer = reading

    def ended(self, deadline: float) -> tuple[str, str]:
        # Asked at least once: another share may have used up the time, and this one is done.
        while not (done := os.waitpid(self.child, os.WNOHANG)[0]) and time.monotonic() < deadline:
            time.sleep(0.02)
        if done:
            with os.fdopen(self.answer) as answer:
                verdict, reason = json.loads(answer.read() or "[null, null]")
            return verdict or FAIL, "異常終了 / it ended early" if reason is None else reason
        # Not waited for: while the kernel waits for the server it may not be possible to end it.
        os.kill(self.child, signal.SIGKILL)
        seconds = TRIAL_SECONDS
        return FAIL, f"{seconds} 秒以内に応答しません / it does not answer within {seconds} seconds"


def _let_go_of_the_session() -> None:
    """A child that hangs must not keep the connection open, whose end SSH waits for."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)


def _tried(folder: Path, *, read_only: bool) -> tuple[str, str]:
    """The verdict about a share and its reason; a full share answers, and so does a refusal."""
    try:
        # Never answered from a cache, so it reaches the server.
        os.statvfs(folder)
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        verdict = NOT_VERIFIED if error.errno in ANSWERED else FAIL
        return verdict, f"読めません / it cannot be read: {error.strerror}"
    if read_only:
        return PASS, "読み取り専用 / read-only"
    try:
        return _written(folder / f".kokunai-verify-{os.uname().nodename}")
    except OSError as error:
        verdict = NOT_VERIFIED if error.errno in ANSWERED else FAIL
        return verdict, f"書けません / it cannot be written: {error.strerror}"


def _written(file: Path) -> tuple[str, str]:
    """Write, read back and delete; raises OSError."""
    text = os.urandom(4096)
    with contextlib.suppress(FileNotFoundError):
        # What an earlier trial left that hung and was ended.
        file.unlink()
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, text)
            os.fsync(handle)
            # What is read must come from the server and not from memory.
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            same = os.pread(handle, len(text), 0) == text
        finally:
            os.close(handle)
    finally:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
    return (
        (PASS, "") if same else (FAIL, "書いた内容と違います / it holds another text than written")
    )


def judge_storage(machine: Machine, expected: dict[str, Any]) -> Result:
    mounted, simulated = machine.mounted(), machine.simulated()
    wanted = {
        str(Path(mount["path"])): f"{mount['server']}:{mount['export']}"
        for mount in expected["mounts"]
    }
    # A simulated host mounts a directory of the lab, whose source differs.
    present = {
        path: mounted[path]
        for path in wanted
        if path in mounted and (simulated or mounted[path].source == wanted[path])
    }
    tried = try_shares(machine, present)
    good = sorted(path for path, (verdict, _) in tried.items() if verdict == PASS)
    reasons = [f"{path}: {reason}" for path, (_, reason) in sorted(tried.items()) if reason]
    missing = sorted(wanted.keys() - present.keys())
    if missing:
        reasons.append("マウントされていません / not mounted: " + ", ".join(missing))
    if simulated and (missing or good):
        reasons.append(SIMULATED)
    verdicts = {verdict for verdict, _ in tried.values()}
    if FAIL in verdicts or (missing and not simulated):
        return result(good, FAIL, "; ".join(reasons))
    verdict = NOT_VERIFIED if missing or NOT_VERIFIED in verdicts else PASS
    return result(good, verdict, "; ".join(reasons))


def judge_kernel_parameters(machine: Machine, expected: dict[str, Any]) -> Result:
    wanted = expected["kernel_parameters"]
    values = {name: machine.kernel_parameter(name) for name in sorted(wanted)}
    wrong = [f"{name}={values[name]}" for name in values if values[name] != str(wanted[name])]
    if not wrong:
        return result(values, PASS)
    reason = "適用されていません / not applied: " + ", ".join(wrong)
    if machine.simulated():
        return result(values, NOT_VERIFIED, reason + " (" + SIMULATED + ")")
    return result(values, FAIL, reason)


JUDGES = {
    "gpu_count": judge_gpu_count,
    "driver": judge_driver,
    "nccl_bandwidth": judge_nccl_bandwidth,
    "time_sync": judge_time_sync,
    "host_name": judge_host_name,
    "addresses": judge_addresses,
    "firewall": judge_firewall,
    "storage": judge_storage,
    "kernel_parameters": judge_kernel_parameters,
}


def main() -> int:
    machine, expected = Machine(), json.loads(sys.argv[1])
    checks = {name: judge(machine, expected) for name, judge in JUDGES.items()}
    print(json.dumps({"kokunai_verified": checks}, sort_keys=True))
    return 1 if any(check["verdict"] == FAIL for check in checks.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
