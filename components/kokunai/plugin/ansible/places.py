"""Finds what a run needs: the playbooks, the private key, OpenSSH's programs, an environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai import key_files, project, user_paths
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Mapping


# ansible-runner writes its whole environment to a file, so it gets only these variables.
_ALLOWED = ("HOME", "SSH_AUTH_SOCK", "TZ", "USER")
# Ansible does not start where the caller's locale is not installed or is not UTF-8.
_LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def environment() -> dict[str, str]:
    """The environment of every program that is started for hosts; it holds no secret."""
    allowed = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    # ansible-playbook lies beside the interpreter that runs us.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**allowed, **_LOCALE, "PATH": path, "PYTHONWARNINGS": "ignore"}


def project_root() -> Path:
    """The folder of Pulumi.yaml; the engine starts the plugin in it or below."""
    here = Path.cwd()
    return project.find_root(here) or here


def configured_playbook(config: Mapping[str, object]) -> Path | None:
    """site.yml of the provider's `playbooksDirectory`, None where that is not set.

    Raises KokunaiError when the file is missing.
    """
    directory = config.get("playbooksDirectory")
    if not directory:
        return None
    path = project_root() / str(directory) / "site.yml"
    if not path.is_file():
        raise KokunaiError(
            ja=f"{path} がありません。プロバイダーの playbooksDirectory を直してください",
            en=f"{path} does not exist; correct the provider's playbooksDirectory",
        )
    return path


def require_programs() -> None:
    """Raises KokunaiError when OpenSSH's client is missing on this machine."""
    missing = [name for name in ("ssh", "ssh-keyscan") if shutil.which(name) is None]
    if missing:
        raise KokunaiError(
            ja=f"{'、'.join(missing)} がありません。OpenSSH クライアントを入れてください",
            en=f"{', '.join(missing)} not found; install the OpenSSH client",
        )


def private_key(given: str, ssh_config_file: str = "") -> Path:
    """The path of the key file. Raises KokunaiError where ssh would not accept the file.

    The file may be missing where an agent holds the key of `<file>.pub`, as ssh has it.
    """
    path = user_paths.absolute(project_root(), given)
    try:
        public = path.with_name(f"{path.name}.pub").read_text(encoding="utf-8")
    except (OSError, ValueError):
        public = ""
    config = user_paths.absolute(project_root(), ssh_config_file) if ssh_config_file else None
    key_files.judge(path, public, config)
    return path


def ssh_config(given: str) -> str:
    """The path of the configuration file for ssh; empty where none is given.

    Raises KokunaiError where it cannot be read.
    """
    if not given:
        return ""
    path = user_paths.absolute(project_root(), given)
    user_paths.require_file(path, "access.ssh_config")
    return str(path)
