"""Nothing in a person's ssh_config changes a session, and a jump host is used on purpose only."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from kokunai.errors import KokunaiError
from kokunai.plugin.ansible import places, ssh_options

HOSTILE = {
    "ForwardAgent": "yes",
    "ForwardX11": "yes",
    "ForwardX11Trusted": "yes",
    "PermitLocalCommand": "yes",
    "LocalCommand": "touch /tmp/x",
    "RemoteCommand": "sleep 600",
    "RequestTTY": "force",
    "LocalForward": "1 h:2",
    "RemoteForward": "1 h:2",
    "DynamicForward": "1080",
    "Tunnel": "yes",
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/tmp/evil",
    "GlobalKnownHostsFile": "/tmp/evil",
    "KnownHostsCommand": "/bin/echo evil",
    "VerifyHostKeyDNS": "yes",
    "UpdateHostKeys": "yes",
    "IdentitiesOnly": "no",
    "PasswordAuthentication": "yes",
    "PreferredAuthentications": "password",
    "GSSAPIAuthentication": "yes",
    "GSSAPIDelegateCredentials": "yes",
    "BatchMode": "no",
    "StdinNull": "yes",
    "ForkAfterAuthentication": "yes",
    "LogLevel": "QUIET",
    "EscapeChar": "~",
    "NoHostAuthenticationForLocalhost": "yes",
}
ALWAYS = {
    "forwardagent": "no",
    "forwardx11": "no",
    "forwardx11trusted": "no",
    "permitlocalcommand": "no",
    "requesttty": "false",
    "clearallforwardings": "yes",
    "tunnel": "false",
    "userknownhostsfile": "/run/known hosts",
    "globalknownhostsfile": "/dev/null",
    "verifyhostkeydns": "false",
    "updatehostkeys": "false",
    "identitiesonly": "yes",
    "gssapiauthentication": "no",
    "gssapidelegatecredentials": "no",
    "batchmode": "yes",
    "stdinnull": "no",
    "forkafterauthentication": "no",
    "loglevel": "INFO",
    "escapechar": "none",
    "nohostauthenticationforlocalhost": "no",
    "preferredauthentications": "publickey",
}
# What ssh does not print where it is off.
NEVER = ("localcommand", "remotecommand", "knownhostscommand", "sendenv", "localforward")


def _effective(arguments: str, home: Path) -> dict[str, str]:
    """What ssh makes of the arguments, as it prints them."""
    shown = subprocess.run(
        ["ssh", *shlex.split(arguments), "-G", "node"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.partition(" ") for line in shown.stdout.splitlines())
    return {name: value for name, _, value in lines}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that changes everything, and goes through a jump host."""
    lines = [f"  {name} {value}" for name, value in HOSTILE.items()]
    text = "\n".join(["Host *", *lines, "  SendEnv *", "  ProxyJump bastion", ""])
    path = tmp_path / "a b/config"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o600)
    return path


def _fixed(seen: dict[str, str]) -> dict[str, str]:
    return {name: seen.get(name, "") for name in ALWAYS}


def test_without_a_file_of_its_own_ssh_reads_none(tmp_path: Path):
    seen = _effective(ssh_options.arguments("/run/known hosts"), tmp_path)

    assert _fixed(seen) == ALWAYS
    assert not [name for name in NEVER if seen.get(name, "none") != "none"]
    assert "proxyjump" not in seen
    assert "proxycommand" not in seen


def test_a_file_given_on_purpose_may_name_a_jump_host_and_nothing_that_is_fixed(
    config: Path, tmp_path: Path
):
    seen = _effective(ssh_options.arguments("/run/known hosts", str(config)), tmp_path)

    assert _fixed(seen) == ALWAYS
    assert seen["proxyjump"] == "bastion"
    for name in ("localcommand", "remotecommand", "knownhostscommand"):
        assert seen.get(name, "none") == "none"


def test_a_persons_own_file_and_the_machines_are_not_opened(config: Path, tmp_path: Path):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    config.rename(home / ".ssh/config")

    arguments = shlex.split(ssh_options.arguments("/run/known hosts"))

    assert arguments[:2] == ["-F", "none"]
    assert "proxyjump" not in _effective(shlex.join(arguments), home)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(KokunaiError, match=r"ssh_config cannot be read"):
        places.ssh_config("missing")
    assert places.ssh_config("") == ""


def test_programs_for_hosts_run_in_one_locale_and_see_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    monkeypatch.setenv("LC_ALL", "ja_JP.eucJP")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct-horse")

    given = places.environment()

    assert (given["LANG"], given["LC_ALL"]) == ("C.UTF-8", "C.UTF-8")
    assert "correct-horse" not in given.values()


def test_jump_hosts_with_other_names_or_ports_have_other_aliases():
    jumps = ("ops@gw:22", "ops@gw-22", "ops@gw", "ops@gw:2222")

    assert len({ssh_options.jump_alias(jump) for jump in jumps}) == len(jumps)
    assert ssh_options.jump_alias("ops@gw:22") == "jump-host-[gw]:22"
