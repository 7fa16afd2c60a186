#!/usr/bin/python3
"""SIMULATION (kokunai lab): answers what roles ask of nvidia-smi, from the host's label."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL = Path("/etc/kokunai-simulation")
_DRIVER = "000.00-simulation"


def _label() -> dict[str, str]:
    lines = _LABEL.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def _gpus() -> Iterator[dict[str, str]]:
    label = _label()
    product, host = label["gpu_product"], int(label["server"] or 0)
    for index in range(int(label["gpu_count"])):
        yield {
            "index": str(index),
            "name": product,
            "uuid": f"GPU-51500000-0000-4000-8000-{host % 10**10:010d}{index:02d}",
            "driver_version": _DRIVER,
            "pci.bus_id": f"0000{label['gpu_bus_' + str(index)]}".upper(),
            "count": label["gpu_count"],
        }


def _table(fields: list[str], *, header: bool) -> None:
    if header:
        print(", ".join(fields))
    for gpu in _gpus():
        print(", ".join(gpu.get(field, "[N/A]") for field in fields))


def _fabric(rack: str) -> None:
    """The section of each GPU that tells of its NVLink domain: one for all hosts of a rack."""
    cluster = uuid.uuid5(uuid.NAMESPACE_DNS, f"{rack}.rack.kokunai-lab") if rack else "N/A"
    state, status, clique = ("Completed", "Success", "0") if rack else ("N/A", "N/A", "N/A")
    for gpu in _gpus():
        print(f"GPU {gpu['pci.bus_id']}\n    Fabric")
        rows = {"State": state, "Status": status, "CliqueId": clique, "ClusterUUID": cluster}
        for name, value in rows.items():
            print(f"        {name:<34}: {value}")
        print("        Health")


def main(arguments: list[str]) -> int:
    """Answer `-L`, `--query-gpu=... --format=csv[,noheader]`, or a short list."""
    print("SIMULATION: no GPU is present; values come from the lab", file=sys.stderr)
    query = [item.split("=", 1)[1] for item in arguments if item.startswith("--query-gpu=")]
    if query:
        _table(query[0].split(","), header=not any("noheader" in item for item in arguments))
        return 0
    if "-q" in arguments:
        _fabric(_label().get("rack", ""))
        return 0
    for gpu in _gpus():
        print(f"GPU {gpu['index']}: {gpu['name']} (UUID: {gpu['uuid']})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
