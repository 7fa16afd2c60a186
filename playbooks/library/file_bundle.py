#!/usr/bin/python
"""Writes all files of a role in one task, because one task per file takes a round trip each."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: file_bundle
short_description: Several files in one task, compared on the host
description:
  - One task for all files of a role; a template task for each takes 7 to 9 times as long and 12
    times the CPU (8 files, bench/file_bundle.py; playbooks/README.md has the table).
  - An action plugin renders the templates on the controller; this part compares and writes.
  - Files belong to root. Each is written whole to a neighbour and renamed, never half.
  - What a changed file needs applied is remembered until a handler has done it, so that a run
    cut between the two is finished by the next one.
options:
  root: {description: Directory that stands for /, type: path, default: /}
  header: {description: First line of every file of ours, type: str, required: true}
  files:
    description: Files to have (or with C(absent) not to have)
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path on the host, type: path, required: true}
      content: {description: Rendered text, type: str}
      secret_content: {description: The same for a file nobody may see in a diff, type: str}
      mode: {description: Octal mode as a string, type: str, default: "0644"}
      absent: {description: The file must not exist, type: bool, default: false}
      section: {description: Own only the lines between two marks, type: bool, default: false}
      real_hosts_only: {description: Left alone on simulated hosts, type: bool, default: false}
      applies: {description: What must be done after a change, type: str}
  prune:
    description: Files that match, carry our header and are not in C(files) are removed
    type: list
    elements: dict
    default: []
    suboptions:
      glob: {description: Absolute pattern on the host, type: str, required: true}
      applies: {description: What must be done after a removal, type: str, required: true}
  look_for: {description: Programs whose absence is told, type: list, elements: path, default: []}
  reapply: {description: Treat all as changed when it comes to applying, type: bool, default: false}
author: Kokunai
"""

RETURN = r"""
paths_changed: {description: Paths written or removed, type: list, returned: always}
pending: {description: Paths by what must still be applied, type: dict, returned: always}
not_applied: {description: Paths left alone on a simulated host, type: list, returned: always}
"""

Item = dict[str, Any]
Change = tuple[Item, "str | None", "str | None"]
"""A file, its text now (None: no plain file) and the text it must have (None: no file)."""

FILE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "secret_content": {"type": "str", "no_log": True},
    "mode": {"type": "str", "default": "0644"},
    "absent": {"type": "bool", "default": False},
    "section": {"type": "bool", "default": False},
    "real_hosts_only": {"type": "bool", "default": False},
    "applies": {"type": "str"},
}
PRUNE_OPTIONS = {name: {"type": "str", "required": True} for name in ("glob", "applies")}
ARGUMENTS = {
    "root": {"type": "path", "default": "/"},
    "header": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "dict", "required": True, "options": FILE_OPTIONS},
    "prune": {"type": "list", "elements": "dict", "default": [], "options": PRUNE_OPTIONS},
    "look_for": {"type": "list", "elements": "path", "default": []},
    "reapply": {"type": "bool", "default": False},
}
SECTION_BEGIN, SECTION_END = "# BEGIN kokunai\n", "# END kokunai\n"
PENDING = "/run/kokunai/pending"


class Host:
    """The file system below `root`."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        # Without root's rights, as in an image build or a test, owners cannot be set.
        self.is_root = os.geteuid() == 0

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.at(path))

    def text(self, path: str) -> str | None:
        """Contents, or None for a missing file and for anything that is not a plain file."""
        real = self.at(path)
        try:
            plain = stat.S_ISREG(real.lstat().st_mode)
            return real.read_text(encoding="utf-8", errors="surrogateescape") if plain else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has_mode(self, path: str, mode: str) -> bool:
        status = self.at(path).lstat()
        ours = not self.is_root or (status.st_uid, status.st_gid) == (0, 0)
        return ours and stat.S_IMODE(status.st_mode) == int(mode, 8)

    def write(self, path: str, text: str, mode: str) -> None:
        """Write a file atomically, through a temporary file of a fixed name, which is reused."""
        target = self.at(path)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.kokunai-new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            os.fchmod(file.fileno(), int(mode, 8))
            if self.is_root:
                os.fchown(file.fileno(), 0, 0)
            file.flush()
            os.fsync(file.fileno())
        try:
            fresh.rename(target)
        except OSError as error:
            # In a container the file itself may be a mount, such as /etc/resolv.conf.
            if error.errno != errno.EBUSY:
                raise
            target.write_text(text, encoding="utf-8", errors="surrogateescape")
            fresh.unlink()


def with_section(current: str, body: str | None) -> str:
    """`current` with the managed section first, or without it when `body` is None.

    A section without its end mark is kept as text, so that nothing of it is lost.
    """
    head, begin, rest = current.partition(SECTION_BEGIN)
    ours, end, after = rest.partition(SECTION_END)
    if begin:
        current = head + (after if end else ours)
    return current if body is None else SECTION_BEGIN + body + SECTION_END + current


def wanted(item: Item, current: str | None) -> str | None:
    """The text that the file must have, or None if it must not exist."""
    text = item["content"] if item["secret_content"] is None else item["secret_content"]
    if item["section"]:
        return with_section(current or "", None if item["absent"] else text)
    return None if item["absent"] else text


def is_right(host: Host, item: Item, current: str | None, text: str | None) -> bool:
    if text is None:
        return not host.exists(item["path"])
    return current == text and host.has_mode(item["path"], item["mode"])


def strays(host: Host, params: Item) -> list[Item]:
    """Managed files of an earlier run that are no longer asked for."""
    kept = {item["path"] for item in params["files"]}
    removals: list[Item] = []
    for prune in params["prune"]:
        for real in sorted(host.root.glob(prune["glob"].lstrip("/"))):
            path = f"/{real.relative_to(host.root)}"
            if path not in kept and (host.text(path) or "").startswith(params["header"]):
                applies = prune["applies"]
                removals.append({"path": path, "applies": applies, "secret_content": None})
    return removals


def plan(host: Host, params: Item, skipped: list[str]) -> list[Change]:
    """The files to change, without those left alone."""
    changes: list[Change] = []
    for item in params["files"]:
        before = host.text(item["path"])
        after = wanted(item, before)
        if item["path"] not in skipped and not is_right(host, item, before, after):
            changes.append((item, before, after))
    return changes + [(item, host.text(item["path"]), None) for item in strays(host, params)]


def remember(host: Host, params: Item, changes: list[Change], *, write: bool) -> Item:
    """Handlers that must run; recorded before a file changes, so that a cut run keeps them."""
    pending: dict[str, list[str]] = {}
    for name in {item["applies"] for item in params["files"] + params["prune"] if item["applies"]}:
        earlier = json.loads(host.text(f"{PENDING}/{name}") or "[]")
        every = [(item, "", "") for item in params["files"]] if params["reapply"] else changes
        now = [item["path"] for item, _, _ in every if item["applies"] == name]
        if earlier or now:
            pending[name] = sorted({*earlier, *now})
        if now and write:
            host.write(f"{PENDING}/{name}", json.dumps(pending[name]), "0600")
    return pending


def apply(module: AnsibleModule, host: Host, changes: list[Change]) -> None:
    """Write the files and read them back, to notice another tool that undoes the changes."""
    for item, _, after in changes:
        if after is None:
            host.at(item["path"]).unlink(missing_ok=True)
        else:
            host.write(item["path"], after, item["mode"])
    for item, _, after in changes:
        if host.text(item["path"]) != after:
            path = item["path"]
            module.fail_json(
                msg=f"{path} を書きましたが、読み直すと違います。ほかの自動化を確認してください。 "
                f"{path} differs from what was just written; check for another tool."
            )


def difference(change: Change) -> dict[str, str]:
    """An entry for --diff; of a secret file, only that it differs."""
    item, before, after = change
    if item["secret_content"] is not None:
        before, after = before and "(hidden)\n", after and "(hidden, new)\n"
    headers = {"before_header": item["path"], "after_header": item["path"]}
    return {**headers, "before": before or "", "after": after or ""}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host, params = Host(module.params["root"]), module.params
    simulated = host.exists("/etc/kokunai-simulation")
    skipped = [i["path"] for i in params["files"] if i["real_hosts_only"] and simulated]
    changes = plan(host, params, skipped)
    try:
        pending = remember(host, params, changes, write=not module.check_mode)
        if not module.check_mode:
            apply(module, host, changes)
    except OSError as error:  # a directory in a file's place, a full disk
        module.fail_json(msg=f"ファイルを変更できません / a file cannot be changed: {error}")
    module.exit_json(
        changed=bool(changes or pending),
        paths_changed=sorted(item["path"] for item, _, _ in changes),
        pending=pending,
        not_applied=skipped,
        missing=[path for path in params["look_for"] if not host.exists(path)],
        diff=[difference(change) for change in changes],
        # The default would repeat the text of every file in the result.
        invocation={"module_args": {"paths": [item["path"] for item in params["files"]]}},
    )


if __name__ == "__main__":
    main()
