"""Hosts of a contract for tests: a stand-in for `ssh` that knows their keys and what they answer.

It judges the host's key by the options that it is given, as OpenSSH does and in its words, and
writes down what reached which host.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

# A contract of one's own at a real site; the rows stand in a copy of the catalogue.
OFFER = "demo-by-contract"
ROWS = {
    "offers": {
        OFFER: {
            "site": "kddi-sakai",
            "gpu": "h100",
            "gpu_count": 8,
            "platform": "nvidia-vrt",
            "product": "8 GPUs",
            "seller": "highreso",
            "operator": "kddi",
            "price": {"jpy_per_month": 1, "minimum_months": 1},
            "driver": "contract",
            "terms": {"architecture": "amd64", "cpu_count": 64, "memory_gib": 1000},
            "source": "made up",
            "as_of": "2026-11-28",
        }
    }
}
NETWORK = {"cidr": "192.168.10.0/24", "access": "wvs2", "interface": "bond0"}
SHARE = {"kind": "nfs", "source": "192.168.10.250:/data"}

_SSH = Path(__file__).parents[1] / "data/contract_ssh.py"


def host_key(number: int = 1, kind: str = "ssh-ed25519") -> str:
    """A public key of this type, different for each number."""
    name = kind.encode()
    blob = len(name).to_bytes(4, "big") + name + (32).to_bytes(4, "big") + bytes([number]) * 32
    return f"{kind} {base64.b64encode(blob).decode()}"


def fingerprint(key: str) -> str:
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def answer(**changes: Any) -> str:
    """What a machine of the contract answers; a change of None leaves the line out."""
    told: dict[str, Any] = {
        "begin": 1,
        "architecture": "x86_64",
        "host_name": "node",
        "cpu_count": 128,
        "memory_kib": 1056 * 1024**2,
        "os_ID": "debian",
        "os_VERSION_ID": "12",
        "os_VERSION_CODENAME": "bookworm",
        "pci_bus": "yes",
        "pci": ["0x10de 0x2330 0x030200"] * 8,
        "nvidia_smi": "yes",
        "gpu": ["NVIDIA H100 80GB HBM3, 81559, 570.86.15"] * 8,
        "disk": ["nvme0n1 7501476528 0"],
        "nic": ["bond0 1 up 400000", "eth0 1 up 25000"],
        **changes,
        "end": 1,
    }
    lines = []
    for name, value in told.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        lines += [f"{name}\t{one}" for one in values]
    return "\n".join(lines) + "\n"


class ContractHosts:
    """The hosts behind the stand-in, the contract file that names them, and what reached them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.hosts: dict[str, dict[str, str]] = {}
        self.environment: dict[str, str] = {}
        binaries = root / "bin"
        binaries.mkdir()
        ssh = binaries / "ssh"
        ssh.write_text(f"#!{sys.executable} -S\n{_SSH.read_text()}")
        ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
        (binaries / "ssh-keyscan").symlink_to("/bin/true")
        monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
        (root / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        monkeypatch.chdir(root)
        for number in (1, 2):
            self.put(f"192.168.10.{10 + number}", key=host_key(number))

    def put(self, address: str, *, key: str | None = None, **changes: Any) -> None:
        """A machine at this address; another key or another answer makes it another machine."""
        known = self.hosts.get(address, {})
        shown = key or known["key"]
        row = {"key": shown, "fingerprint": fingerprint(shown), "answer": answer(**changes)}
        self.hosts[address] = row
        self._write()

    def vanish(self) -> None:
        """No host answers any more."""
        self.hosts.clear()
        self._write()

    def mark(self, owner: str) -> None:
        """What the role `base` writes onto every host."""
        for row in self.hosts.values():
            row["answer"] = row["answer"].replace("end\t1", f"owner\t{owner}\nend\t1")
        self._write()

    def counts(self) -> dict[str, dict[str, str]]:
        """Everything that there is: hosts as they are."""
        return json.loads(json.dumps(self.hosts))

    def _write(self) -> None:
        (self.root / "hosts.json").write_text(json.dumps(self.hosts))

    def sent(self) -> list[list[str]]:
        """Host, command, standard input and jump of everything that was let in."""
        log = self.root / "sent.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def contract(self, **changes: Any) -> dict[str, Any]:
        """A row of a contract file with all hosts."""
        hosts = [
            {"name": f"box-{index}", "address": address, "host_key": host_key(index + 1)}
            for index, address in enumerate(self.hosts)
        ]
        given = {
            "offer": OFFER,
            "state": "delivered",
            "delivered_on": "2026-01-15",
            "hosts": hosts,
            "networks": {"cluster": NETWORK},
            "shares": {"data": SHARE},
        }
        return {key: value for key, value in {**given, **changes}.items() if value is not None}

    def write_contract(self, **changes: Any) -> list[str]:
        """A contract file with one row, `box`."""
        text = yaml.safe_dump({"contracts": {"box": self.contract(**changes)}})
        (self.root / "contracts.yaml").write_text(text)
        return ["contracts.yaml"]


def write_key(root: Path) -> None:
    """A key that ssh would use."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", str(root / "id")],
        check=True,
    )


@pytest.fixture
def by_contract(sellers: Path) -> Path:
    """The catalogue with an offer that is had by contract."""
    (sellers / "demo.yaml").write_text(yaml.safe_dump(ROWS))
    return sellers


@pytest.fixture
def contract_hosts(
    by_contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ContractHosts:
    """Two hosts of a contract, 192.168.10.11 and .12, in the folder of a project."""
    return ContractHosts(tmp_path, monkeypatch)
