"""What a host answers to the look: known facts, bounded and typed, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from kokunai.foreign_text import shown

MOST_BYTES = 64 * 1024
_MOST_LINES = 2000
_MOST_ITEMS = 256
_LONGEST_TEXT = 120
_LARGEST = 2**53
_SECTOR_BYTES = 512
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_OWNER = re.compile(r"[0-9a-f]{16}")


class NotUnderstood(Exception):
    """The answer is not what the look prints; the text says why, in both languages."""


@dataclass(frozen=True)
class Gpu:
    """A GPU as its vendor's tool names it."""

    name: str
    memory_mib: int | None
    driver: str


@dataclass(frozen=True)
class Facts:
    """What is really in the box."""

    architecture: str
    host_name: str
    cpu_count: int | None = None
    memory_gib: int | None = None
    os: str = ""
    """`debian 12 bookworm`."""
    has_pci_bus: bool = False
    pci: tuple[tuple[str, str], ...] = ()
    """Vendor and device of everything that may be a GPU."""
    has_nvidia_smi: bool = False
    gpus: tuple[Gpu, ...] = ()
    fabric: dict[str, str] = field(default_factory=dict)
    """State, Status, CliqueId and ClusterUUID of the NVLink fabric, as the first GPU tells."""
    disks: tuple[tuple[str, int], ...] = ()
    """Name and size in GB."""
    nics: tuple[str, ...] = ()
    """`eth0 up 25000`."""
    fabric_devices: tuple[str, ...] = ()
    owner: str = ""
    """Id of the stack that configured the host; `unreadable` for a mark that is none."""
    is_simulated: bool = False

    @property
    def nic_names(self) -> tuple[str, ...]:
        """Interfaces by name."""
        return tuple(nic.split(" ", 1)[0] for nic in self.nics)


def script() -> str:
    """The look, as a host's shell runs it."""
    return resources.files(__package__).joinpath("look.sh").read_text(encoding="utf-8")


def facts_of(answer: bytes) -> Facts:
    """The facts. Raises NotUnderstood for anything else than a whole answer of the look."""
    if len(answer) > MOST_BYTES:
        raise NotUnderstood(f"長すぎます / it is longer than {MOST_BYTES} bytes")
    told = _told(answer.decode("utf-8", errors="replace"))
    if "end" not in told or not _first(told, "architecture"):
        raise NotUnderstood("途中で切れています / it is cut short")
    machine = _first(told, "architecture")
    return Facts(
        architecture=_ARCHITECTURES.get(machine, machine),
        host_name=_first(told, "host_name"),
        cpu_count=_number(_first(told, "cpu_count")),
        memory_gib=_gib(_first(told, "memory_kib")),
        os=" ".join(
            _first(told, f"os_{name}") for name in ("ID", "VERSION_ID", "VERSION_CODENAME")
        ),
        has_pci_bus="pci_bus" in told,
        pci=tuple(filter(None, map(_device, told.get("pci", [])))),
        has_nvidia_smi="nvidia_smi" in told,
        gpus=tuple(filter(None, map(_gpu, told.get("gpu", [])))),
        fabric=_fabric(told.get("fabric", [])),
        disks=tuple(filter(None, map(_disk, told.get("disk", [])))),
        nics=tuple(sorted(told.get("nic", []))),
        fabric_devices=tuple(told.get("fabric_device", [])),
        owner=_owner(told),
        is_simulated="simulated" in told,
    )


def _told(text: str) -> dict[str, list[str]]:
    """Values by name, from the line `begin` on; what a login prints before it is left out."""
    told: dict[str, list[str]] = {}
    for line in text.splitlines()[:_MOST_LINES]:
        name, tab, value = line.partition("\t")
        if tab and (told or name == "begin"):
            values = told.setdefault(shown(name, 40), [])
            if len(values) < _MOST_ITEMS:
                values.append(shown(value, _LONGEST_TEXT))
    return told


def _first(told: dict[str, list[str]], name: str) -> str:
    return next(iter(told.get(name, [])), "")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,16}", text) and int(text) <= _LARGEST else None


def _gib(kib: str) -> int | None:
    number = _number(kib)
    return None if number is None else round(number / 1024**2)


def _device(text: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"0x([0-9a-f]{4}) 0x([0-9a-f]{4}) 0x[0-9a-f]{6}", text)
    return (found[1], found[2]) if found else None


def _gpu(text: str) -> Gpu | None:
    name, *rest = [part.strip() for part in text.split(",")]
    memory, driver = [*rest, "", ""][:2]
    return Gpu(name, _number(memory), driver) if name else None


def _fabric(lines: list[str]) -> dict[str, str]:
    """Values of the first GPU: all of a machine are in one domain."""
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        told.setdefault(name, value)
    return told


def _disk(text: str) -> tuple[str, int] | None:
    name, size, *_ = [*text.split(" "), "", ""]
    sectors = _number(size)
    return (name, round(sectors * _SECTOR_BYTES / 10**9)) if sectors else None


def _owner(told: dict[str, list[str]]) -> str:
    mark = _first(told, "owner")
    return mark if not mark or _OWNER.fullmatch(mark) else "unreadable"


def outputs(facts: Facts, taken_at: str) -> dict[str, Any]:
    """The facts as outputs of the resource."""
    told = {
        "takenAt": taken_at,
        "simulated": facts.is_simulated,
        "architecture": facts.architecture,
        "hostName": facts.host_name,
        "os": facts.os,
        "cpuCount": facts.cpu_count,
        "memoryGib": facts.memory_gib,
        "gpus": [gpu.name for gpu in facts.gpus],
        "gpuDriver": facts.gpus[0].driver if facts.gpus else None,
        "pciDevices": [f"{vendor}:{device}" for vendor, device in facts.pci],
        "fabric": dict(facts.fabric),
        "disks": [f"{name} {size} GB" for name, size in facts.disks],
        "nics": list(facts.nics),
        "fabricDevices": list(facts.fabric_devices),
        "markedBy": facts.owner or None,
    }
    return {key: value for key, value in told.items() if value is not None}
