"""The options of SSH that no configuration file of this machine may change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kokunai import user_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of an option given twice ssh takes the first, and the command line comes before any file.
_FIXED = {
    # Older clients do not know all of these, and none knows macOS's own in a file of a person's.
    "IgnoreUnknown": "*",
    "GlobalKnownHostsFile": "/dev/null",
    "HashKnownHosts": "no",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
    "KnownHostsCommand": "none",
    "CheckHostIP": "no",
    "NoHostAuthenticationForLocalhost": "no",
    "IdentitiesOnly": "yes",
    "PreferredAuthentications": "publickey",
    "GSSAPIAuthentication": "no",
    "GSSAPIDelegateCredentials": "no",
    "BatchMode": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "3",
    # A host gets nothing of this machine: no agent, no display, no ports, no commands here.
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ForwardX11Trusted": "no",
    "ClearAllForwardings": "yes",
    "GatewayPorts": "no",
    "Tunnel": "no",
    "PermitLocalCommand": "no",
    "LocalCommand": "none",
    # What would change the session itself.
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "EscapeChar": "none",
    "StdinNull": "no",
    "ForkAfterAuthentication": "no",
    "LogLevel": "INFO",
}


def arguments(known_hosts: object, configuration_file: str = "", *, known_as: str = "") -> str:
    """Arguments of ssh, sftp and scp as one line for Ansible.

    `known_as` is the host in known_hosts, whatever a configuration file would call it.

    Without `configuration_file` ssh reads no configuration at all, neither the person's nor the
    machine's. With it, what the fixed options leave open counts, such as a jump host.
    """
    options = {**_FIXED, "UserKnownHostsFile": user_paths.ssh_value(known_hosts)}
    options |= {"HostKeyAlias": known_as} if known_as else {}
    return shlex.join(["-F", configuration_file or "none", *_each(options)])


def jump_command(
    jump: str, known_hosts: object, private_key_file: str, configuration_file: str = "", *, key: str
) -> str:
    """The ProxyCommand that leads through a jump host, `user@host[:port]`.

    Options of a command line do not reach the ssh that ProxyJump starts, so this is its whole
    command. With a `key` the jump host must show it, under `jump_alias` in `known_hosts`; without
    one it may be any, because what passes through it is encrypted for the host behind it.
    """
    user, _, place = jump.rpartition("@")
    host, _, port = place.partition(":")
    hosts = user_paths.ssh_value(known_hosts) if key else "/dev/null"
    options = {
        **_FIXED,
        "UserKnownHostsFile": hosts,
        "StrictHostKeyChecking": "yes" if key else "no",
        "HostKeyAlias": jump_alias(jump),
        "IdentityFile": user_paths.ssh_value(private_key_file),
        "LogLevel": "ERROR",
    }
    words = ["ssh", "-F", configuration_file or "none", *_each(options)]
    words += ["-p", port or "22", "-l", user]
    # The outer ssh fills in `%` marks, of which only the last two are its own.
    return f"{shlex.join(words)} -W".replace("%", "%%") + f" '[%h]:%p' {shlex.quote(host)}"


def jump_alias(jump: str) -> str:
    """The jump host's name in known_hosts, which no other host has."""
    host, _, port = jump.rpartition("@")[2].partition(":")
    return f"jump-host-[{host}]:{port}" if port else f"jump-host-{host}"


def _each(options: Mapping[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
