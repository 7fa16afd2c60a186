#!/usr/bin/python
"""Finds out once what kind of host this is, so that roles need not depend on each other."""

from __future__ import annotations

import re
import subprocess
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

GIVEN = "ssh_host_kokunai_key"
"""The key for the first login, which went through the provider's API and is not the host's own."""


def host_keys(root: Path) -> list[str]:
    """The public half of each key that sshd serves; none where sshd does not say.

    A public key that merely lies on the disk may be a stale one, or that of a golden image.
    """
    settings = re.findall(r"^hostkey (/.+)$", _said("/usr/sbin/sshd", "-T"), re.MULTILINE)
    files = [root / path.strip().lstrip("/") for path in settings]
    own = [file for file in files if file.name != GIVEN and file.is_file()]
    public = (_said("/usr/bin/ssh-keygen", "-y", "-P", "", "-f", str(file)) for file in own)
    return sorted({" ".join(text.split()[:2]) for text in public if text.strip()})


def _said(*command: str) -> str:
    """What a program prints; empty where it is not there, fails or does not end."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout if ended.returncode == 0 else ""


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
