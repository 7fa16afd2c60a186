"""A stack's state in a file: what it holds, whose that is, and how to mend an empty one."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kokunai.catalog import facts
from kokunai.cli import stacks
from kokunai.errors import KokunaiError
from kokunai_policy import hosts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STACKS = Path(".pulumi/stacks")
_PROVIDER = "pulumi:providers:"
_HARMLESS = {"pulumi", "random", "time", "tls"}
"""Packages whose resources exist in the state alone."""


@dataclass(frozen=True, eq=False)
class StateFile:
    """A stack's state in a file; `deployment` is None where the file cannot be read."""

    path: Path
    deployment: dict[str, Any] | None

    @property
    def stack(self) -> str:
        """Name of the stack."""
        return self.path.stem

    @property
    def backup(self) -> Path:
        """The copy that Pulumi keeps of the state before the last change."""
        return self.path.with_name(f"{self.path.name}.bak")

    def real(self) -> list[str]:
        """Names of what exists outside of the lab; for a file that cannot be read, its own name."""
        if self.deployment is None:
            return [self.path.name]
        resources = _rows(self.deployment.get("resources"))
        providers = {row.get("urn"): row for row in resources if _is_provider(row)}
        return [
            str(row.get("urn")).rpartition("::")[2]
            for row in resources
            if row.get("custom") and not _is_provider(row) and not _is_labs(row, providers)
        ]


def folder(root: Path) -> Path | None:
    """The folder of the state; None where it is kept elsewhere than in files of this machine."""
    url = urlsplit(stacks.backend_url(root))
    return Path(unquote(url.path)).expanduser() if url.scheme == "file" else None


def of(state: Path) -> Iterator[StateFile]:
    """The state of every stack in a folder."""
    for path in sorted((state / _STACKS).glob("**/*.json")):
        yield StateFile(path, deployment_of(path))


def deployment_of(path: Path) -> dict[str, Any] | None:
    """What a file says that there is; a stack without a deployment has an empty one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        latest = content["checkpoint"].get("latest")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return latest if isinstance(latest, dict) else {}


def refuse_damaged(root: Path, stack: str) -> None:
    """Raises KokunaiError with the way back where the state file of a stack cannot be read."""
    state = folder(root)
    for file in of(state) if state else ():
        if file.stack != stacks.short(stack) or file.deployment is not None:
            continue
        size = file.path.stat().st_size
        if deployment_of(file.backup) is None:
            raise _unreadable(file, size)
        copy = f"cp {shlex.quote(str(file.backup))} {shlex.quote(str(file.path))}"
        raise KokunaiError(
            ja=f"スタック {stack} のステートファイルを読めません（{size} バイト）。"
            "ディスクの空きがなくなると、こうなることがあります。\n"
            f"空きを確保し、直前のステートに戻してください:\n  {copy}\n"
            "続けて pulumi refresh を実行すると、その後の変更も取り込まれます。",
            en=f"the state file of stack {stack} cannot be read ({size} bytes), "
            "which happens when the disk is full.\n"
            f"Make room, then go back to the state before it:\n  {copy}\n"
            "After that, pulumi refresh takes in what has changed since.",
        )


def _unreadable(file: StateFile, size: int) -> KokunaiError:
    return KokunaiError(
        ja=f"ステートファイル {file.path} を読めません（{size} バイト）。"
        f"控え {file.backup.name} も使えません。"
        "バックアップから戻すか、.pulumi/history の最後の記録を使ってください。",
        en=f"the state file {file.path} cannot be read ({size} bytes), and neither can its copy "
        f"{file.backup.name}; take it from a backup or from the last record in .pulumi/history",
    )


def pending(deployment: Mapping[str, Any]) -> list[str]:
    """What an interrupted run was doing, as `creating NAME`."""
    return [
        f"{row.get('type')} {str((row.get('resource') or {}).get('urn')).rpartition('::')[2]}"
        for row in _rows(deployment.get("pending_operations"))
    ]


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _is_provider(row: Mapping[str, Any]) -> bool:
    return str(row.get("type")).startswith(_PROVIDER)


def _is_labs(row: Mapping[str, Any], providers: Mapping[Any, Mapping[str, Any]]) -> bool:
    """Whether it was made at an API of this machine, or is nothing outside of the state."""
    package = str(row.get("type")).partition(":")[0]
    if package in _HARMLESS:
        return True
    inputs = row.get("inputs") or {}
    labels = inputs.get("labels")
    if package != "kokunai" or (labels and labels.get("simulated") != "true"):
        return False
    provider = providers.get(str(row.get("provider")).rpartition("::")[0], {})
    return _calls_this_machine(provider.get("inputs") or {})


def _calls_this_machine(inputs: Mapping[str, Any]) -> bool:
    keys = facts.packages()["kokunai"].endpoints
    called = [str(inputs[key]) for key in keys if inputs.get(key)]
    return bool(called) and all(map(_is_loopback, called))


def _is_loopback(url: str) -> bool:
    host = hosts.canonical(url)
    return host is not None and host.loopback
