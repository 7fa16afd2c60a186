#!/usr/bin/python
"""Puts a role's files on a host in one go, because a task per file costs a round trip each."""

from __future__ import annotations

import errno
import glob
import json
import os
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: file_bundle
short_description: Several files in one task, compared on the host
description:
  - An action plugin renders the templates on the controller; this part compares and writes.
  - Files belong to root. Each is written whole to a neighbour and renamed, never half.
  - What a changed file needs applied (a service restarted) is remembered in /run until the
    handler has done it, so that a run cut between the two is finished by the next one.
options:
  root:
    description: Directory that stands for /, for images and tests.
    type: path
    default: /
  files:
    description: Files to have (or with C(absent) not to have).
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path on the host., type: path, required: true}
      content: {description: Rendered text., type: str}
      secret_content: {description: The same for a file nobody may see in a diff., type: str}
      mode: {description: Octal mode as a string., type: str, default: "0644"}
      absent: {description: The file must not exist., type: bool, default: false}
      section:
        description: Own only the lines between two marks; what else the file holds stays.
        type: bool
        default: false
      real_hosts_only:
        description: Left alone on a simulated host and listed in C(not_applied).
        type: bool
        default: false
      applies: {description: What must be done after a change., type: str}
  prune:
    description: Files that match, carry our header and are not in C(files) are removed.
    type: list
    elements: dict
    default: []
    suboptions:
      glob: {description: Absolute pattern on the host., type: str, required: true}
      applies: {description: What must be done after a removal., type: str, required: true}
  header: {description: First line of every file of ours., type: str, required: true}
author: Kokunai
"""

RETURN = r"""
paths_changed: {description: Paths written or removed., type: list, returned: always}
pending: {description: Paths by what must still be applied., type: dict, returned: always}
not_applied: {description: Paths left alone on a simulated host., type: list, returned: always}
simulated: {description: Whether the host says that its hardware is simulated., type: bool, returned: always}
systemd: {description: Whether systemd runs the host., type: bool, returned: always}
"""

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
PRUNE_OPTIONS = {
    "glob": {"type": "str", "required": True},
    "applies": {"type": "str", "required": True},
}
SECTION_BEGIN = "# BEGIN kokunai\n"
SECTION_END = "# END kokunai\n"
PENDING = "/run/kokunai/pending"


class Host:
    """The file system under `root`."""

    def __init__(self, root: str) -> None:
        self.root = root

    def at(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.at(path))

    def text(self, path: str) -> str | None:
        """Contents, or None for a missing file and for anything that is not a plain file."""
        try:
            if not stat.S_ISREG(os.lstat(self.at(path)).st_mode):
                return None
            with open(self.at(path), encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise

    def has_mode(self, path: str, mode: str) -> bool:
        found = os.lstat(self.at(path))
        ours = os.geteuid() != 0 or (found.st_uid, found.st_gid) == (0, 0)
        return ours and stat.S_IMODE(found.st_mode) == int(mode, 8)

    def write(self, path: str, text: str, mode: str) -> None:
        """Whole or not at all; a fixed neighbour's name, so that a cut run leaves no litter."""
        target = self.at(path)
        directory, name = os.path.split(target)
        os.makedirs(directory, mode=0o755, exist_ok=True)
        fresh = os.path.join(directory, f".{name}.kokunai-new")
        self.remove_real(fresh)
        data = text.encode("utf-8", errors="surrogateescape")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), int(mode, 8))
            if os.geteuid() == 0:
                os.fchown(file.fileno(), 0, 0)
            file.flush()
            os.fsync(file.fileno())
        self._rename(fresh, target, data)

    def _rename(self, fresh: str, target: str, data: bytes) -> None:
        try:
            os.rename(fresh, target)
        except OSError as error:
            # A container may have the file itself mounted, /etc/resolv.conf for one.
            if error.errno != errno.EBUSY:
                raise
            with open(target, "wb") as file:
                file.write(data)
            os.unlink(fresh)

    def remove(self, path: str) -> None:
        self.remove_real(self.at(path))

    @staticmethod
    def remove_real(path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def with_section(current: str, body: str | None) -> str:
    """`current` with our section first, or without one when `body` is None."""
    head, begin, rest = current.partition(SECTION_BEGIN)
    if begin:
        current = head + rest.partition(SECTION_END)[2]
    return current if body is None else SECTION_BEGIN + body + SECTION_END + current


def wanted(item: dict[str, Any], current: str | None) -> str | None:
    """Text the file must hold, or None where it must not exist."""
    text = item["content"] if item["secret_content"] is None else item["secret_content"]
    if item["section"]:
        return with_section(current or "", None if item["absent"] else text)
    return None if item["absent"] else text


def is_right(host: Host, item: dict[str, Any], current: str | None, text: str | None) -> bool:
    if text is None:
        return not host.exists(item["path"])
    return current == text and host.has_mode(item["path"], item["mode"])


def strays(host: Host, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Files of ours from an earlier run that nobody asks for any more."""
    kept = {item["path"] for item in params["files"]}
    found = []
    for prune in params["prune"]:
        for real in sorted(glob.glob(host.at(prune["glob"]))):
            path = "/" + os.path.relpath(real, host.root)
            if path not in kept and (host.text(path) or "").startswith(params["header"]):
                found.append({"path": path, "applies": prune["applies"], "secret_content": None})
    return found


def difference(item: dict[str, Any], before: str | None, after: str | None) -> dict[str, str]:
    """One entry of --diff; a secret file says only that it differs."""
    path = item["path"]
    if item["secret_content"] is not None:
        before, after = before and "(hidden)\n", after and "(hidden, new)\n"
    mode = "" if after is None else " mode " + item["mode"]
    return {
        "before_header": path,
        "after_header": path + mode,
        "before": before or "",
        "after": after or "",
    }


class Pending:
    """What changed files still need applied, kept where a reboot, which applies all, clears it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def load(self, names: set[str]) -> dict[str, list[str]]:
        texts = {name: self.host.text(f"{PENDING}/{name}") for name in sorted(names)}
        return {name: json.loads(text) for name, text in texts.items() if text}

    def add(self, changed: list[dict[str, Any]], *, write: bool) -> dict[str, list[str]]:
        """Recorded before the first file changes, or a cut run would forget."""
        pending = self.load({item["applies"] for item in changed if item["applies"]})
        for item in changed:
            if item["applies"]:
                paths = set(pending.get(item["applies"], [])) | {item["path"]}
                pending[item["applies"]] = sorted(paths)
        if write:
            for name, paths in pending.items():
                self.host.write(f"{PENDING}/{name}", json.dumps(paths), "0600")
        return pending


def plan(host: Host, params: dict[str, Any], *, simulated: bool) -> tuple[list[Any], list[str]]:
    """(item, before, after) for each file to change, and the paths left alone."""
    skipped = [i["path"] for i in params["files"] if i["real_hosts_only"] and simulated]
    changes = []
    for item in params["files"]:
        before = host.text(item["path"])
        after = wanted(item, before)
        if item["path"] not in skipped and not is_right(host, item, before, after):
            changes.append((item, before, after))
    changes += [(stray, host.text(stray["path"]), None) for stray in strays(host, params)]
    return changes, skipped


def apply(module: AnsibleModule, host: Host, changes: list[Any]) -> None:
    """Write, then read back: another tool that undoes our work must not go unseen."""
    for item, _, after in changes:
        if after is None:
            host.remove(item["path"])
        else:
            host.write(item["path"], after, item["mode"])
    for item, _, after in changes:
        if host.text(item["path"]) != after:
            module.fail_json(
                msg=f"{item['path']} を書きましたが、読み直すと内容が違います。"
                "ほかの自動化が書き換えていないか確認してください。 "
                f"{item['path']} differs from what was just written; "
                "check whether another tool rewrites it."
            )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": FILE_OPTIONS,
            },
            "prune": {"type": "list", "elements": "dict", "default": [], "options": PRUNE_OPTIONS},
            "header": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    host = Host(module.params["root"])
    simulated = host.exists("/etc/kokunai-simulation")
    changes, skipped = plan(host, module.params, simulated=simulated)
    store = Pending(host)
    asked = module.params["files"] + module.params["prune"]
    pending = store.load({one["applies"] for one in asked if one["applies"]})
    pending.update(store.add([item for item, _, _ in changes], write=not module.check_mode))
    if not module.check_mode:
        apply(module, host, changes)
    module.exit_json(
        changed=bool(changes or pending),
        paths_changed=sorted(item["path"] for item, _, _ in changes),
        pending=pending,
        not_applied=skipped,
        simulated=simulated,
        systemd=host.exists("/run/systemd/system"),
        diff=[difference(*change) for change in changes],
        # The default would repeat every file's text in the result.
        invocation={"module_args": {"paths": [item["path"] for item in module.params["files"]]}},
    )


if __name__ == "__main__":
    main()
