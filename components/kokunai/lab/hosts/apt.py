"""Reads this machine's settings of apt, so that hosts are built through its proxies and mirrors."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

SUITE = "bookworm"
_SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
_SOURCES = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MIRROR = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
# Only options that say how to reach an archive; hooks and package lists of this machine do not
# belong in the root of a host.
_KEPT_OPTION = re.compile(r"^Acquire::(https?|Check-|Retries|ForceIPv|Proxy|ftp)", re.IGNORECASE)


def sources() -> str:
    """Deb822 stanzas of Debian 12: the machine's own, else the public archive's."""
    mirror = os.environ.get("KOKUNAI_DEBIAN_MIRROR", "")
    own = [] if mirror else [*_stanzas(), *_lines()]
    return "\n".join(own or _default(mirror or _MIRROR))


def options() -> list[str]:
    """Options of apt such as proxies and certificates, as configuration lines."""
    shown = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    kept = [line for line in shown.stdout.splitlines() if _KEPT_OPTION.match(line)]
    return [*(line for line in kept if not line.endswith('"";')), 'Acquire::Languages "none";']


def _stanzas() -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in _files("*.sources")]
    stanzas = [stanza for text in texts for stanza in re.split(r"\n\s*\n", text)]
    return [f"{stanza.strip()}\n" for stanza in stanzas if _is_ours(stanza)]


def _is_ours(stanza: str) -> bool:
    fields = dict(re.findall(r"(?m)^([A-Za-z-]+):\s*(.*)$", stanza))
    suites = set(fields.get("Suites", "").split())
    return bool(suites) and suites <= _SUITES and fields.get("Enabled", "yes").lower() != "no"


def _lines() -> list[str]:
    """One-line entries of Debian 12, rewritten as stanzas."""
    stanzas = []
    for path in [_SOURCES / "sources.list", *_files("*.list")]:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for options_, uri, suite, parts in re.findall(
            r"(?m)^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#\n]+)", text
        ):
            if suite in _SUITES:
                signed = re.search(r"signed-by=(\S+)", options_)
                stanzas.append(_stanza(uri, suite, parts, signed[1] if signed else str(KEYRING)))
    return stanzas


def _default(mirror: str) -> list[str]:
    security = [] if mirror != _MIRROR else [_stanza(_SECURITY, f"{SUITE}-security")]
    return [_stanza(mirror, f"{SUITE} {SUITE}-updates"), *security]


def _stanza(uri: str, suites: str, parts: str = "main", keyring: str = str(KEYRING)) -> str:
    where = f"Types: deb\nURIs: {uri}\nSuites: {suites}\n"
    return f"{where}Components: {parts.strip()}\nSigned-By: {keyring}\n"


def _files(pattern: str) -> list[Path]:
    return sorted((_SOURCES / "sources.list.d").glob(pattern))
