#!/usr/bin/python
"""Finds out once what kind of host this is, so that roles need not depend on each other."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: kokunai_host
short_description: What the roles must know of a host before they change it
description:
  - Runs once before the roles, in one round trip; Ansible's own facts do not tell a lab's host
    from a real one. Nothing is changed, so it also runs in check mode.
options:
  root: {description: Directory that stands for /, type: path, default: /}
author: Kokunai
"""

RETURN = r"""
simulated: {description: The host is a lab's and not a real one, type: bool, returned: always}
systemd: {description: The host was booted with systemd, type: bool, returned: always}
host_keys: {description: The host's own public SSH keys, type: list, returned: always}
"""


def host_keys(root: Path) -> list[str]:
    """Kind and key of each public key, without its comment."""
    files = sorted((root / "etc/ssh").glob("ssh_host_*_key.pub"))
    return [" ".join(file.read_text(encoding="utf-8").split()[:2]) for file in files]


def main() -> None:
    """Look for the lab's mark and for systemd's directory, which exists only while it runs."""
    module = AnsibleModule(
        argument_spec={"root": {"type": "path", "default": "/"}}, supports_check_mode=True
    )
    root = Path(module.params["root"])
    module.exit_json(
        changed=False,
        simulated=(root / "etc/kokunai-simulation").exists(),
        systemd=(root / "run/systemd/system").exists(),
        host_keys=host_keys(root),
    )


if __name__ == "__main__":
    main()
