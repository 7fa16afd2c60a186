"""Simulates the PCI bus of a host by files that unmodified tools read at /sys/bus/pci."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai.lab.machines import Gpu

_FIRST_BUS = 0x17
_BUS_STEP = 0x12
_MEMORY_AND_MASTER = 0x0006
_CONFIGURATION_BYTES = 256


def addresses(gpu: Gpu) -> list[str]:
    """PCI addresses of the GPUs, spread over buses as in a real eight-GPU server."""
    step = _BUS_STEP if gpu.count <= 8 else 1  # eight fit with gaps, more than eight side by side
    return [f"0000:{_FIRST_BUS + index * step:02x}:00.0" for index in range(gpu.count)]


def write_bus(directory: Path, gpu: Gpu | None) -> None:
    """Make the tree to mount at /sys/bus/pci; it is empty without GPUs, to hide the machine's."""
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("devices", "drivers", "slots"):
        (directory / name).mkdir(parents=True)
    if gpu:
        for address in addresses(gpu):
            _write_device(directory / "devices" / address, gpu)


def _write_device(directory: Path, gpu: Gpu) -> None:
    vendor, device = int(gpu.vendor_id, 16), int(gpu.device_id, 16)
    kind = _class_code(gpu.pci_class)
    values = {
        "vendor": f"0x{vendor:04x}",
        "device": f"0x{device:04x}",
        "class": f"0x{kind:06x}",
        "subsystem_vendor": f"0x{vendor:04x}",
        "subsystem_device": "0x0000",
        "revision": "0xa1",
        "irq": "0",
        "numa_node": "-1",
        "enable": "1",
        "resource": "\n".join(["0x0000000000000000 " * 2 + "0x0000000000000000"] * 13),
        "uevent": f"PCI_CLASS={kind:X}\nPCI_ID={vendor:04X}:{device:04X}",
    }
    directory.mkdir()
    for name, value in values.items():
        (directory / name).write_text(value + "\n", encoding="ascii")
    (directory / "config").write_bytes(_configuration(vendor, device, kind))


def _class_code(text: str) -> int:
    """Class of 24 bits; the short form of 16 bits, as lspci prints it, is widened."""
    number = int(text, 16)
    return number << 8 if number <= 0xFFFF else number


def _configuration(vendor: int, device: int, kind: int) -> bytes:
    """First 256 bytes of the configuration space: PCI header of type 0."""
    head = struct.pack("<HHHH", vendor, device, _MEMORY_AND_MASTER, 0)
    revision_and_class = bytes([0xA1]) + kind.to_bytes(3, "little")
    subsystem = struct.pack("<HH", vendor, 0)
    before_subsystem = (head + revision_and_class).ljust(0x2C, b"\0")
    return (before_subsystem + subsystem).ljust(_CONFIGURATION_BYTES, b"\0")
