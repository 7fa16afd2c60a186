"""The request for a run of the playbooks, which the plugin sends to the runner's process."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from kokunai.plugin.ansible import host_keys, ssh_options
from kokunai.plugin.ansible.unsafe_data import Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Host:
    """One host to configure."""

    name: str
    address: str
    server_id: str
    user: str
    port: int = 22
    variables: Mapping[str, Any] = field(default_factory=dict)
    host_key: str = ""
    """The key that the first login must find; empty where none is known beforehand."""
    jump: str = ""
    """`user@host[:port]`; empty where the host is reached directly."""
    jump_key: str = ""
    """The jump host's own key; empty where none is known."""
    is_handed_over: bool = False
    """Whoever handed it over told its `host_key`, which therefore never gives way to another."""

    @property
    def known_as(self) -> str:
        """The host in known_hosts: `[address]:port` unless the port is 22, and the way to it.

        Behind two jump hosts one address may be two hosts, each with a key of its own.
        """
        place = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        # OpenSSH writes names in lower case.
        return (f"{place}-behind-{self.jump}" if self.jump else place).lower()


@dataclass(frozen=True)
class Request:
    """Everything about a run, secrets included; passed on standard input, never in a file."""

    playbook: str
    """The site.yml to run; empty for the package's own with what the project puts in."""
    hosts: tuple[Host, ...]
    variables: Mapping[str, Any]
    secrets: Mapping[str, Any]
    private_key_file: str
    known_hosts: tuple[str, ...]
    check: bool = False
    forks: int = 4
    patience_seconds: int = 180
    """How long a host may take to answer for the first time."""
    repair: tuple[str, ...] = ()
    """Names of hosts that drifted or failed, on which everything is applied again."""
    project: str = ""
    """Root of the project whose playbooks count where `playbook` is empty."""
    ssh_config_file: str = ""
    """The one configuration file that ssh reads; empty for none at all."""

    def to_json(self) -> str:
        """The request as one line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Request:
        """The request that `to_json` wrote."""
        raw = json.loads(text)
        hosts = tuple(Host(**host) for host in raw.pop("hosts"))
        lists = {name: tuple(raw[name]) for name in ("known_hosts", "repair")}
        return Request(**{**raw, **lists, "hosts": hosts})


def host_of(raw: Mapping[str, Any]) -> Host:
    """A host from the resource's inputs."""
    return Host(
        name=raw["name"],
        address=raw["address"],
        server_id=str(raw["serverId"]),
        user=raw["user"],
        port=int(raw.get("port") or 22),
        variables={**(raw.get("variables") or {}), **_owned(raw)},
        host_key=str(raw.get("hostKey") or ""),
        jump=str(raw.get("jump") or ""),
        jump_key=str(raw.get("jumpKey") or ""),
        # Only what was handed over is marked by itself alone, or stands behind a jump host.
        is_handed_over=bool(raw.get("owner") or raw.get("jump")),
    )


def _owned(raw: Mapping[str, Any]) -> dict[str, str]:
    """The owner's id, which is known only when the stack is made, as a variable of the roles."""
    return {"base_owner": str(raw["owner"])} if raw.get("owner") else {}


def inventory(request: Request, private: Path, secrets_file: str) -> dict[str, Any]:
    """Ansible's inventory; secrets are read from `secrets_file` when a template needs them.

    These templates are the only ones: `unsafe_data.document` writes all other texts as data.
    """
    lookup = f"lookup('ansible.builtin.file', '{secrets_file}') | from_json"
    secrets = {name: Template(f"{{{{ ({lookup})['{name}'] }}}}") for name in request.secrets}
    shared = {**request.variables, **secrets, **_connection(request)}
    return {
        "all": {
            "vars": shared,
            "hosts": {host.name: _host(host, request, private) for host in request.hosts},
        }
    }


def _connection(request: Request) -> dict[str, Any]:
    return {
        # ssh fills in `%` marks of an option's value, and Ansible writes the path into an option.
        "ansible_ssh_private_key_file": request.private_key_file.replace("%", "%%"),
        # Asking each host which Python it has would cost a round trip and a warning.
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def _ssh_arguments(host: Host, request: Request, private: Path) -> str:
    known_hosts, file = private / "known_hosts", request.ssh_config_file
    fixed = ssh_options.arguments(known_hosts, file, known_as=host.known_as)
    if not host.jump:
        return fixed
    through = ssh_options.jump_command(
        host.jump, known_hosts, request.private_key_file, file, key=host.jump_key
    )
    return shlex.join([*shlex.split(fixed), "-o", f"ProxyCommand={through}"])


def _host(host: Host, request: Request, private: Path) -> dict[str, Any]:
    # A recorded or pinned key must match. Without one, at the first contact, ssh itself records the
    # key, so that the recorded key is the one that was used.
    lines = host_keys.keys_of(host, request.known_hosts)
    checking = "yes" if lines else "accept-new"
    known = bool(lines) and (host.is_handed_over or lines != host_keys.pinned([host], {}))
    return {
        **host.variables,
        "ansible_ssh_common_args": _ssh_arguments(host, request, private),
        "ansible_ssh_extra_args": f"-o StrictHostKeyChecking={checking}",
        "repair": host.name in request.repair,
        "connection_patience_seconds": min(request.patience_seconds, 60 if known else 3600),
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "ansible_become": host.user != "root",
    }
