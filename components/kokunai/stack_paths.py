"""Says where in a stack file a value of a part was written, so that findings lead there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.parts import Part
    from kokunai_policy import Finding

# Values of any part that no row decides, by their path in the part; a group is kept as it is.
_SHARED = (
    (r"(?:secretV|v)ariables\.(?:\w+_)?ntp_servers(.*)", "hosts.ntp_servers"),
    (r"(?:secretV|v)ariables\.(?:\w+_)?dns_servers(.*)", "hosts.dns_servers"),
    (
        r"(?:secretV|v)ariables\.(?:\w+_)?package_sources(?:_exclusive)?(.*)",
        "hosts.package_sources",
    ),
    (r'labels(?:\["data-class"\])?()', "data_class"),
    (r"labels\.environment()", "name"),
    (r"(?:privateKeyFile|publicKey|keyId)()", "access.private_key_file"),
    (r"rules\b.*()", "access"),
)
# Values that a row of its own decides, by section and path in the part.
_OWN = {
    "networks": ((r"zone", "zone"), (r"site", "site"), (r"name", "name")),
    "storage": (
        (r"sizeGib", "size_gib"),
        (r"plan", "disk"),
        (r"(?:address|prefixLength)", "host"),
        (r"name", "name"),
        (r"(?:site|zone|switchId)", "network"),
    ),
    "buckets": (
        (r"(?:site|zone)", "site"),
        (r"name", "bucket"),
        (r"endpoint", "endpoint"),
    ),
    "pools": (
        (r"(?:name|hostName|pool|labels\.pool|hosts\[\d+\]\.name)", "name"),
        (r"hosts\[\d+\]\.variables\.\w*host_name", "name"),
        (r"(?:site|zone|labels\.site)", "site"),
        (r"(?:plan|labels\.(?:offer|operator|seller))\b.*", "gpu"),
        (r"disks\[0\]\.image", "image"),
        (r"disks\b.*", "boot_disk_gib"),
        (r"nics\b.*", "network"),
    ),
}
_SHARE = re.compile(r"variables\.(?:\w+_)?(mounts|storage_servers)\[(\d+)\]")
_LAYERS = re.compile(r" \([^()]*\)$")


@dataclass(frozen=True)
class Placed:
    """A part, with the row of the stack file that asks for it."""

    part: Part
    section: str = ""
    """`networks`, `storage` or `pools`; empty for what several rows share."""
    index: int = 0
    shares: tuple[int, ...] = ()
    """Indices of the rows of `storage` that the nodes of a pool mount, in their order."""

    @property
    def row(self) -> str:
        """`pools[0]`, or nothing."""
        return f"{self.section}[{self.index}]" if self.section else ""


def place(placed: Placed, path: str) -> str:
    """Path in the environment of the stack file of what stands in the part at `path`."""
    plain = _LAYERS.sub("", path)
    if (share := _SHARE.match(plain)) and int(share[2]) < len(placed.shares):
        field = "mount" if share[1] == "mounts" else "name"
        return f"storage[{placed.shares[int(share[2])]}].{field}"
    for pattern, field in _OWN.get(placed.section, ()):
        if re.fullmatch(pattern, plain):
            return f"{placed.row}.{field}"
    return _shared_place(plain) or placed.row or "name"


def _shared_place(path: str) -> str | None:
    matches = ((field, re.fullmatch(pattern, path)) for pattern, field in _SHARED)
    return next((field + found[1] for field, found in matches if found), None)


def of_settings(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those about what hosts are told at the key of the settings, each once."""
    once: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        where = _shared_place(_LAYERS.sub("", finding.path)) or ""
        if where.startswith("hosts."):
            found = replace(finding, place=where)
            once.setdefault((finding.rule, where, finding.ja), found)
        else:
            key = (finding.rule, finding.type, finding.name, finding.path, finding.ja)
            once.setdefault(key, finding)
    return list(once.values())


def located(findings: Iterable[Finding], parts: Iterable[Placed]) -> list[Finding]:
    """The findings with their place in the stack file, each once, whatever many parts repeat it."""
    by_key = {placed.part.key: placed for placed in parts}
    once: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        placed = by_key.get((finding.type, finding.name))
        where = place(placed, finding.path) if placed else ""
        found = replace(finding, place=where)
        key = (finding.rule, where or f"{finding.type} {finding.path}", finding.ja)
        once.setdefault(key, found)
    return list(once.values())
