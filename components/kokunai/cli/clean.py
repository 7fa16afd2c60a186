"""`kokunai clean`: removes what a checkout made for the lab, and nothing of a real account."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kokunai import project
from kokunai.cli import stacks, state_files
from kokunai.cli.namespaces import enter
from kokunai.cli.stacks import STATE
from kokunai.errors import KokunaiError
from kokunai.lab import removal
from kokunai.language import worded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PASSPHRASE = STATE / "passphrase"
_SETTINGS = ("kokunai:environment", "kokunai:settings")


@click.command()
@click.option("--list", "is_list", is_flag=True, help="一覧だけ表示 / only list what would go")
def clean(*, is_list: bool) -> None:
    """ラボのために作ったものを消します。 / Remove what was made for the lab.

    実アカウントのスタックにリソースが残っていれば、何も消しません。実アカウントのスタックの
    パスフレーズと SSH 鍵は残します。 / Nothing is removed while a stack of a real account has
    resources; the passphrase and the SSH keys of such stacks stay.
    """
    root = project.root(Path.cwd())
    lab = root / STATE / "lab"
    enter(lab, start=True)
    refuse_real(root)
    kept = survivors(root)
    gone = list(_without(root / STATE, kept))
    salted = [path for path in _labs_files(root) if _unsalted(path) is not None]
    _show(root, gone, kept, salted)
    if is_list:
        return
    _take_down(lab)
    removal.refuse_mounts(mount for path in gone for mount in removal.remove(path, strictly=True))
    for path in salted:
        path.write_text(_unsalted(path) or "", encoding="utf-8")


def refuse_real(root: Path) -> None:
    """Raises KokunaiError where the state of this checkout holds what is not the lab's."""
    real = {
        file: names
        for folder in {root / STATE / "state", state_files.folder(root)}
        if folder is not None
        for file in state_files.of(folder)
        # A file that cannot be read is the lab's only where its stack says so.
        if (names := file.real()) and (file.deployment or not stacks.is_labs(root, file.stack))
    }
    if not real:
        return
    rows = "\n".join(f"  {file.stack}: {_shortened(names)}" for file, names in real.items())
    ways = "\n".join(
        f"  kokunai run -- pulumi destroy --stack {file.stack}" for file in real if file.deployment
    )
    state = root / STATE / "state"
    raise KokunaiError(
        ja="ラボのものではないリソースがステートに残っているため、何も消しません。\n"
        f"{rows}\n先に片付けるか、{state} を別の場所に移してください。\n{ways}".rstrip(),
        en="nothing is removed, because the state still holds resources that are not the lab's.\n"
        f"{rows}\nDestroy them first, or move {state} to another place.\n{ways}".rstrip(),
    )


def _shortened(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" ... ({len(names)})" if len(names) > 5 else "")


def survivors(root: Path) -> set[Path]:
    """What stacks of a real account need: their keys, and the passphrase of their secrets."""
    kept: set[Path] = set()
    for name, path in stacks.files(root).items():
        if stacks.is_labs(root, name):
            continue
        if "encryptionsalt:" in path.read_text(encoding="utf-8", errors="replace"):
            kept.add(root / _PASSPHRASE)
        for key in _keys(stacks.config(path)):
            kept |= {found for end in ("", ".pub") if (found := _below_state(root, f"{key}{end}"))}
    return {path for path in kept if path.exists()}


def _below_state(root: Path, given: str) -> Path | None:
    """Where a path of a stack file lies below the checkout's own folder, links followed."""
    with contextlib.suppress(RuntimeError, OSError, ValueError):
        real = (root / Path(given).expanduser()).resolve()
        state = (root / STATE).resolve()
        return root / STATE / real.relative_to(state) if real.is_relative_to(state) else None
    return None


def _keys(config: Mapping[str, Any]) -> Iterator[str]:
    for section in _SETTINGS:
        held = config.get(section)
        access = held.get("access") if isinstance(held, dict) else None
        named = access if isinstance(access, dict) else {}
        for name in ("private_key_file", "ssh_config"):
            if isinstance(path := named.get(name), str):
                yield path


def _without(folder: Path, kept: set[Path]) -> Iterator[Path]:
    """The folder, or so much of it that what is kept stays."""
    if not folder.exists() or folder in kept:
        return
    if not any(folder in path.parents for path in kept):
        yield folder
        return
    for entry in sorted(folder.iterdir()):
        yield from _without(entry, kept)


def _labs_files(root: Path) -> list[Path]:
    return [path for name, path in stacks.files(root).items() if stacks.is_labs(root, name)]


def _unsalted(path: Path) -> str | None:
    """The stack file without the salt of this checkout's passphrase; None where it has none.

    The salt of a file with secrets in it stays: without it they could not be read again.
    """
    text = path.read_text(encoding="utf-8")
    rest = re.sub(r"(?m)^encryptionsalt:.*\n?", "", text)
    return None if rest == text or "secure:" in text else rest


def _show(root: Path, gone: list[Path], kept: set[Path], salted: list[Path]) -> None:
    listed = (
        (worded("削除するもの", "removed", " / "), gone),
        (worded("encryptionsalt の行を取り除くファイル", "without encryptionsalt", " / "), salted),
        (worded("実アカウントのスタックのため残すもの", "kept for real stacks", " / "), kept),
    )
    for head, paths in listed:
        if paths:
            click.echo(f"{head}:")
        for path in sorted(paths):
            click.echo(f"  {path.relative_to(root)}")


def _take_down(lab: Path) -> None:
    if lab.exists():
        from kokunai.lab import control

        control.down(lab, purge=True, progress=lambda line: click.echo(line, err=True))
