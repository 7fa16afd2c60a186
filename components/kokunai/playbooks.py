"""Combines the playbooks of this package with those that a project adds or replaces."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PACKAGED = Path(__file__).parent / "_playbooks"
_CACHES = frozenset({"__pycache__", ".ansible", ".ansible_facts"})


def packaged() -> Path:
    """The package's own folder with site.yml. Raises KokunaiError when the installation lacks it.

    In a checkout it is a link to the checkout's `playbooks/`; the path returned is the real one.
    """
    if (_PACKAGED / "site.yml").is_file():
        return _PACKAGED.resolve()
    raise KokunaiError(
        ja="パッケージの中に playbooks/site.yml がありません。kokunai を pip で入れ直してください",
        en="the package lacks playbooks/site.yml; install kokunai again with pip",
    )


def project(root: Path) -> Path | None:
    """`playbooks/` of the project at `root` (the folder of Pulumi.yaml), where it is its own."""
    folder = (root / "playbooks").resolve()
    return folder if folder.is_dir() and folder != packaged() else None


def overrides(root: Path) -> list[str]:
    """What the project adds or replaces, one line each with a Japanese and an English word."""
    own = project(root)
    if own is None:
        return []
    ours = _entries(packaged())
    return [
        f"{place} ({'置き換え / replaced' if place in ours else '追加 / added'})"
        for place in sorted(_entries(own))
    ]


def digest(root: Path) -> str:
    """SHA-256 over names and contents of every file a run would use, the same on every machine."""
    return _digest(_merged(root))


def folder_digest(folder: Path) -> str:
    """The same for a folder whose site.yml runs instead of the package's."""
    return _digest(_entries(folder))


def _digest(entries: Mapping[str, Path]) -> str:
    total = hashlib.sha256()
    for place, path in sorted(_files(entries)):
        content = path.read_bytes()
        total.update(f"{place}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def compose(root: Path, target: Path) -> Path:
    """Fill the folder `target` with links to what a run uses; returns the path of its site.yml."""
    for place, source in _merged(root).items():
        link = target / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
    return target / "site.yml"


def _merged(root: Path) -> dict[str, Path]:
    """Source path by place; the project's entry replaces the package's at the same place."""
    own = project(root)
    return {**_entries(packaged()), **(_entries(own) if own else {})}


def _entries(folder: Path) -> dict[str, Path]:
    """Files here and everything one level below, such as `site.yml` and `roles/base`."""
    entries = {}
    for path in _shown(folder):
        if path.is_dir():
            entries.update({f"{path.name}/{inner.name}": inner for inner in _shown(path)})
        else:
            entries[path.name] = path
    return entries


def _shown(folder: Path) -> Iterator[Path]:
    # A changed README must not change the digest, which would configure every host again.
    unused = (".", "__pycache__", "README")
    return (path for path in folder.iterdir() if not path.name.startswith(unused))


def _files(entries: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Every file by its place in the composed folder, without what Python and Ansible cache."""
    for place, source in entries.items():
        if source.is_file():
            yield place, source
            continue
        for path in _files_below(source):
            relative = path.relative_to(source)
            is_cache = _CACHES.intersection(relative.parts) or path.suffix == ".pyc"
            if not is_cache:
                yield f"{place}/{relative.as_posix()}", path


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file, behind links to folders too, as Ansible finds them; a circle is walked once."""
    walked = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in walked:
            folders.clear()
            continue
        walked.add(real)
        yield from (path for name in files if (path := Path(here) / name).is_file())
