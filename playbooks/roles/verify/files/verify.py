"""Compares a host with what was promised of it and prints a verdict for each check as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

Result = dict[str, Any]
"""value, verdict and reason of one check."""

PASS, FAIL, NOT_VERIFIED = "pass", "fail", "not-verified"
# PCI classes of GPUs: VGA, 3D, other display, processing accelerator. Names are never parsed.
GPU_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
SIMULATED = "模擬ホストです / simulated host"


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

    def mounted(self) -> dict[str, str]:
        """By mount point, the mounted source; of several mounts at a point, the last is in use."""
        lines = [line.split() for line in self.text("proc/self/mounts").splitlines()]
        return {words[1]: words[0] for words in lines}


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
    missing = sorted(set(expected["addresses"]) - present)
    if missing:
        reason = "ありません / missing: " + ", ".join(missing)
        # A simulated host without systemd has no service that would set the addresses.
        if machine.simulated() and not machine.has_systemd():
            return result(sorted(present), NOT_VERIFIED, f"{reason} ({SIMULATED})")
        return result(sorted(present), FAIL, reason)
    # Behind address translation no interface has the login address, which is correct.
    if expected["login_address"] not in {address.split("/")[0] for address in present}:
        why = "接続先アドレスがどの NIC にもありません / the login address is on no interface"
        return result(sorted(present), NOT_VERIFIED, why)
    return result(sorted(present), PASS)


def judge_storage(machine: Machine, expected: dict[str, Any]) -> Result:
    mounted, simulated = machine.mounted(), machine.simulated()
    wanted = {
        str(Path(mount["path"])): f"{mount['server']}:{mount['export']}"
        for mount in expected["mounts"]
    }
    # A simulated host mounts a directory of the lab, whose source differs.
    good = {
        path for path in wanted if path in mounted and (simulated or mounted[path] == wanted[path])
    }
    missing = sorted(wanted.keys() - good)
    if not missing:
        return result(sorted(good), PASS, SIMULATED if good and simulated else "")
    reason = "マウントされていません / not mounted: " + ", ".join(missing)
    if simulated:
        return result(sorted(good), NOT_VERIFIED, reason + " (" + SIMULATED + ")")
    return result(sorted(good), FAIL, reason)


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
