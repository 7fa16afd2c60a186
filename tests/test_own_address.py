"""A machine that its own rules lock out is told at preview, and the time-out names the key."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

import pulumi
import pytest

from kokunai import model, own_address
from kokunai.plugin.ansible.outcome import Outcome, reason
from kokunai.plugin.ansible.request import Host
from kokunai.settings import _warn_of_lockout

PUBLIC, PRIVATE, LAB = map(IPv4Address, ("8.8.4.4", "192.168.1.5", "198.18.0.1"))


def _left_out(*ssh_from: str, lab: bool = False, addresses=(PRIVATE,), source=PRIVATE):
    return own_address.left_out(ssh_from, lab=lab, addresses=addresses, source=source)


def test_a_public_address_that_is_not_listed_is_left_out():
    given = {"addresses": (PUBLIC,), "source": PUBLIC}

    assert _left_out("203.0.113.0/24", **given) == PUBLIC
    assert _left_out("203.0.113.0/24", "8.8.0.0/16", **given) is None


def test_behind_translation_nothing_is_known_and_nothing_said():
    assert _left_out("203.0.113.0/24") is None
    assert _left_out("203.0.113.0/24", addresses=(), source=None) is None


def test_an_address_of_another_interface_is_enough():
    given = {"addresses": (PUBLIC, PRIVATE), "source": PUBLIC}

    assert _left_out("192.168.0.0/16", **given) is None


def test_in_the_lab_the_labs_own_address_counts():
    given = {"lab": True, "addresses": (PUBLIC, LAB), "source": PUBLIC}

    assert _left_out("10.0.0.0/8", **given) == LAB
    assert _left_out("198.18.0.0/15", **given) is None
    assert _left_out("10.0.0.0/8", lab=True, addresses=(PUBLIC,), source=PUBLIC) is None


def _spec(**access) -> model.Settings:
    given = {"private_key_file": "id", "ssh_from": ["203.0.113.0/24"], **access}
    return model.Settings(name="demo", data_class="internal", access=given)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a preview on a machine with a public address says."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(own_address, "own_addresses", lambda: [PUBLIC])
    monkeypatch.setattr(own_address, "source_to", lambda *_: PUBLIC)
    return said


def test_a_preview_names_the_address_and_the_remedy(warnings: list[str]):
    _warn_of_lockout(_spec())

    assert "access.ssh_from" in warnings[0]
    assert "add 8.8.4.4/32" in warnings[0]
    assert "8.8.4.4/32 を加えてください" in warnings[0]


@pytest.mark.parametrize("access", [{"ssh_from": ["8.8.4.0/24"]}, {"ssh_config": "ssh.conf"}])
def test_who_is_let_in_or_comes_through_a_jump_host_is_told_nothing(warnings: list[str], access):
    _warn_of_lockout(_spec(**access))

    assert warnings == []


def test_the_own_addresses_are_those_of_the_interfaces():
    found = own_address.own_addresses()

    assert not any(address.is_loopback for address in found)
    for address in found:
        with socket.socket() as free:
            free.bind((str(address), 0))


def _reason(message: str) -> str:
    return reason(Host("a", "127.0.0.1", "1", "root"), Outcome("unreachable", message=message))


def test_a_time_out_names_ssh_from_and_where_this_machine_comes_from():
    said = _reason("ssh: connect to host 127.0.0.1 port 22: Connection timed out")

    assert said.count("access.ssh_from") == 2
    assert said.count("127.0.0.1") >= 4


@pytest.mark.parametrize(
    "message",
    [
        "timed out waiting for ping: ssh: connect to host a port 22: Connection refused",
        "Connection timed out during banner exchange",
        "Permission denied (publickey)",
    ],
)
def test_what_reached_the_host_is_no_matter_of_ssh_from(message: str):
    assert "ssh_from" not in _reason(message)
