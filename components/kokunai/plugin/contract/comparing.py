"""Compares what is in a box with what the contract says: each difference is a finding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kokunai.catalog import pci_devices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai.plugin.contract.answer import Facts

Verdict = Literal["pass", "fail", "not-verified"]
_TOLERANCE = 0.9
"""What a system tells of its memory is less than what is built in: firmware keeps a part."""
_GIB_PER_MIB = 1 / 1024
_VENDORS = frozenset({"nvidia", "amd", "intel", "tesla", "corporation", "hgx"})
_VARIANT = re.compile(
    r"pcie|nvl|cnx|laptop|mobile|max|q|maxq|ada|sff|super|ti|d|lite|embedded"
    r"|grid|vgpu|mig|\d+[abcq]"
)
"""Words that make it another product, or a slice of one: `H100 NVL` and `H100-40C` are no H100."""
_SAME = re.compile(
    r"\d+gi?b?|hbm\d*e?|gddr\d+x?|sxm\d*|oam|gpu|graphics|accelerator|instinct|geforce|quadro"
    r"|generation|ac|lc"
)
"""Words that leave it the same product: memory, the board of an HGX server, cooling."""


@dataclass(frozen=True)
class Finding:
    """A comparison; `decisive` says that a failure makes it another machine."""

    check: str
    verdict: Verdict
    expected: str
    seen: str
    ja: str = ""
    en: str = ""
    decisive: bool = False

    @property
    def is_another_machine(self) -> bool:
        """Whether nothing may be changed on the host."""
        return self.decisive and self.verdict == "fail"

    def outputs(self) -> dict[str, str]:
        """As an output of the resource."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "expected": self.expected,
            "seen": self.seen,
        }


def findings(expected: Mapping[str, Any], facts: Facts) -> list[Finding]:
    """Every comparison that the contract allows; `expected` is the input of the kind."""
    return [
        *_gpu_count(expected, facts),
        *_gpu_model(expected, facts),
        *_equal(expected, "architecture", facts.architecture, "CPU", "CPU", decisive=True),
        *_gpu_memory(expected, facts),
        *_fabric(expected, facts),
        *_at_least(expected, "cpuCount", facts.cpu_count, "CPU コア", "CPU threads", 1.0),
        *_at_least(
            expected, "memoryGib", facts.memory_gib, "メモリ（GiB）", "GiB of memory", _TOLERANCE
        ),
        *_system(expected, facts),
        *_interface(expected, facts),
    ]


def _found(
    check: str,
    wanted: object,
    seen: object,
    names: tuple[str, str],
    *,
    good: bool | None,
    decisive: bool = False,
) -> Finding:
    """A finding about something with a name in each language; None is not verified."""
    ja, en = names
    if good is None:
        said = f"{ja}: 確かめられません", f"{en}: could not be verified"
        return Finding(check, "not-verified", str(wanted), str(seen), *said, decisive)
    said = (
        f"{ja}: {wanted} のはずですが、{seen} です",
        f"{en}: expected {wanted}, found {seen}",
    )
    return Finding(check, "pass" if good else "fail", str(wanted), str(seen), *said, decisive)


def _gpu_count(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """The bus is the truth; a GPU that the vendor's tool does not see has failed."""
    wanted, vendor = expected["gpuCount"], expected["gpuVendorId"]
    on_bus = sum(1 for one, _ in facts.pci if one == vendor) if facts.has_pci_bus else None
    counts = [on_bus] if on_bus is not None else []
    counts += [len(facts.gpus)] if facts.has_nvidia_smi and _is_told(expected) else []
    seen = min(counts, default=None)
    wrong = next((count for count in counts if count != wanted), seen)
    good = None if seen is None else all(count == wanted for count in counts)
    names = ("GPU の枚数", "number of GPUs")
    yield _found(
        "gpuCount", wanted, "?" if wrong is None else wrong, names, good=good, decisive=True
    )


def _is_told(expected: Mapping[str, Any]) -> bool:
    """Whether nvidia-smi tells of the expected GPUs at all."""
    return str(expected["gpuVendorId"]) == "10de"


def _gpu_model(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """By the vendor's tool, else by the PCI id where that is known."""
    wanted, vendor = str(expected["gpuModel"]), expected["gpuVendorId"]
    names = {gpu.name for gpu in facts.gpus} if _is_told(expected) else set()
    if not names:
        known = pci_devices.devices()
        ids = {f"{one}:{device}" for one, device in facts.pci if one == vendor}
        names = {known[key].name if key in known else "" for key in ids}
    verdicts = {name: is_model(wanted, name) for name in names if name}
    unknown = not names or "" in names or None in verdicts.values()
    strange = sorted(name for name, verdict in verdicts.items() if verdict is False)
    good = False if strange else (None if unknown else True)
    seen = ", ".join(strange or sorted(filter(None, names))) or "?"
    texts = ("GPU の型番", "GPU model")
    yield _found("gpuModel", wanted, seen, texts, good=good, decisive=True)


def is_model(wanted: str, seen: str) -> bool | None:
    """Whether a name is that of a model: `NVIDIA H100 80GB` is `NVIDIA H100 80GB HBM3`, too.

    Vendor and size of memory are compared apart, and `B200` is no `GB200`. None where the name
    says more than the model's, and nothing is known of what it says.
    """
    if not _model_words(wanted) <= _words(seen):
        return False
    more = _words(seen) - _words(wanted) - _VENDORS
    if any(map(_VARIANT.fullmatch, more)):
        return False
    return True if all(map(_SAME.fullmatch, more)) else None


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def _model_words(text: str) -> frozenset[str]:
    sizes = {word for word in _words(text) if re.fullmatch(r"\d+gi?b", word)}
    return _words(text) - _VENDORS - sizes


def _equal(
    expected: Mapping[str, Any], key: str, seen: str, ja: str, en: str, *, decisive: bool
) -> Iterator[Finding]:
    if (wanted := expected.get(key)) is not None:
        good = wanted == seen if seen else None
        yield _found(key, wanted, seen or "?", (ja, en), good=good, decisive=decisive)


def _at_least(  # noqa: PLR0917 - a row of a table
    expected: Mapping[str, Any], key: str, seen: int | None, ja: str, en: str, share: float
) -> Iterator[Finding]:
    if (wanted := expected.get(key)) is not None:
        good = seen >= wanted * share if seen is not None else None
        yield _found(key, wanted, "?" if seen is None else seen, (ja, en), good=good)


def _gpu_memory(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    sizes = [gpu.memory_mib for gpu in facts.gpus if gpu.memory_mib] if _is_told(expected) else []
    least = round(min(sizes) * _GIB_PER_MIB) if sizes else None
    yield from _at_least(
        expected, "gpuMemoryGib", least, "GPU メモリ（GiB）", "GiB of GPU memory", _TOLERANCE
    )


def _fabric(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """A domain that is larger than one machine shows in the state of the fabric alone."""
    wanted = expected.get("nvlinkDomainGpus")
    if wanted is None or wanted <= expected["gpuCount"]:
        return
    state, status = facts.fabric.get("State", ""), facts.fabric.get("Status", "")
    is_told = bool(state) and state not in {"N/A", "Not Supported"}
    good = (state == "Completed" and status in {"Success", ""}) if is_told else None
    seen = f"{state} {status}".strip() or "?"
    yield _found("nvlinkDomain", "Completed", seen, ("NVLink ドメイン", "NVLink domain"), good=good)


def _system(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    wanted = f"{expected.get('distribution', '')} {expected.get('suite', '')}".strip()
    if wanted:
        seen = set(facts.os.split())
        good = set(wanted.split()) <= seen if seen else None
        yield _found("os", wanted, facts.os.strip() or "?", ("OS", "operating system"), good=good)


def _interface(expected: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    wanted = expected.get("interface")
    if wanted is not None:
        good = wanted in facts.nic_names if facts.nics else None
        seen = ", ".join(facts.nic_names) or "?"
        names = ("ネットワークインターフェース", "network interface")
        yield _found("interface", wanted, seen, names, good=good)
