"""A packet filter really stops packets on a host's link, in the order of its rules."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace

import pytest

from kokunai.errors import KokunaiError
from kokunai.lab.hosts import filters
from kokunai.lab.machines import FilterRule

ALLOW_SSH = FilterRule("tcp", "allow", destination_port="22")
DENY_ALL = FilterRule("ip", "deny")
CASES = [
    (FilterRule("tcp", "allow"), "meta l4proto tcp accept"),
    (ALLOW_SSH, "meta l4proto tcp tcp dport 22 accept"),
    (
        FilterRule("udp", "deny", source_port="32768-61000"),
        "meta l4proto udp udp sport 32768-61000 drop",
    ),
    (
        FilterRule("tcp", "allow", "192.0.2.0/24", "123", "456"),
        "meta l4proto tcp ip saddr 192.0.2.0/24 tcp sport 123 tcp dport 456 accept",
    ),
    (FilterRule("icmp", "allow"), "meta l4proto icmp accept"),
    (FilterRule("fragment", "allow"), "ip frag-off & 0x3fff != 0 accept"),
    (DENY_ALL, "meta protocol { ip, ip6 } drop"),
    (FilterRule("http", "allow"), "tcp dport 80 accept"),
    (FilterRule("https", "deny"), "tcp dport 443 drop"),
    (
        FilterRule("tcp", "allow", "192.0.2.9/255.255.255.0"),
        "meta l4proto tcp ip saddr 192.0.2.0/24 accept",
    ),
    (
        FilterRule("tcp", "allow", "192.0.2.1-192.0.2.9", "", "22-100"),
        "meta l4proto tcp ip saddr 192.0.2.1-192.0.2.9 tcp dport 22-100 accept",
    ),
]


@pytest.mark.parametrize(("rule", "expected"), CASES)
def test_each_rule_becomes_one_line_of_nftables(rule, expected):
    text = filters.chain("p1", [rule])

    assert text.splitlines()[-1] == f'add rule bridge kokunai p1 oifname "p1" {expected}'


def test_an_empty_filter_lets_everything_pass_and_none_removes_it():
    assert "add rule" not in filters.chain("p1", ())
    assert "delete chain bridge kokunai p1" in filters.chain("p1", None)


@pytest.mark.hosts
def test_nftables_takes_every_rule():
    text = filters.chain("p1", [rule for rule, _ in CASES])

    subprocess.run(["unshare", "--net", "nft", "-f", "-"], input=text, text=True, check=True)


def reaches(address, port):
    try:
        with socket.create_connection((address, port), timeout=0.7):
            return True
    except TimeoutError:
        return False


def filtered(machine, *rules):
    return replace(machine, nics=(replace(machine.nics[0], filter_rules=rules),))


@pytest.mark.hosts
def test_a_filter_is_in_force_from_the_first_moment(lab):
    machine = filtered(lab.machine(), ALLOW_SSH, DENY_ALL)

    lab.machines.boot(machine)
    lab.on(machine, "systemd-run --unit=web python3 -m http.server 8080")

    assert reaches(machine.nics[0].address, 22)
    assert not reaches(machine.nics[0].address, 8080)


@pytest.mark.hosts
def test_the_first_rule_that_matches_wins(lab):
    machine = filtered(
        lab.machine(), FilterRule("tcp", "deny", destination_port="20-30"), ALLOW_SSH
    )

    lab.machines.boot(machine)

    assert not reaches(machine.nics[0].address, 22)


@pytest.mark.hosts
def test_rules_change_while_the_host_is_on_and_none_lifts_them(lab):
    machine = lab.machine()
    address, interface = machine.nics[0].address, machine.nics[0].interface_id
    lab.machines.boot(machine)

    lab.machines.set_filter(machine.server_id, interface, (DENY_ALL,))
    denied = reaches(address, 22)
    lab.machines.set_filter(machine.server_id, interface, ())
    empty = reaches(address, 22)
    lab.machines.set_filter(machine.server_id, interface, (DENY_ALL,))
    lab.machines.set_filter(machine.server_id, interface, None)

    assert (denied, empty, reaches(address, 22)) == (False, True, True)


@pytest.mark.hosts
def test_a_rule_for_another_source_does_not_help(lab):
    machine = lab.machine()
    address, interface = machine.nics[0].address, machine.nics[0].interface_id
    lab.machines.boot(machine)
    here = FilterRule("tcp", "allow", source_network=lab.places.machine_address)
    elsewhere = FilterRule("tcp", "allow", source_network="192.0.2.0/24")

    lab.machines.set_filter(machine.server_id, interface, (here, DENY_ALL))
    from_here = reaches(address, 22)
    lab.machines.set_filter(machine.server_id, interface, (elsewhere, DENY_ALL))

    assert (from_here, reaches(address, 22)) == (True, False)


@pytest.mark.hosts
def test_a_filter_is_stateless(lab):
    first, second = lab.machine(1), lab.machine(2)
    lab.machines.boot(first)
    lab.machines.boot(filtered(second, ALLOW_SSH, DENY_ALL))
    connect = f"nc -z -w 1 {first.nics[0].address} 22"

    without = lab.ssh(second, connect).returncode
    answers = FilterRule("tcp", "allow", destination_port="32768-61000")
    interface = second.nics[0].interface_id
    lab.machines.set_filter(second.server_id, interface, (ALLOW_SSH, answers, DENY_ALL))

    assert (without, lab.ssh(second, connect).returncode) == (1, 0)


@pytest.mark.hosts
def test_arp_passes_a_filter_that_denies_everything(lab):
    first, second = lab.machine(1), lab.machine(2)
    lab.machines.boot(first)
    lab.machines.boot(filtered(second, DENY_ALL))

    address = second.nics[0].address
    seen = lab.on(first, f"ping -c 1 -W 1 {address} >/dev/null; ip neighbour show {address}")

    assert second.nics[0].mac_address in seen


@pytest.mark.hosts
def test_an_icmp_rule_lets_ping_through_and_nothing_else(lab):
    first, second = lab.machine(1), lab.machine(2)
    lab.machines.boot(first)
    lab.machines.boot(filtered(second, FilterRule("icmp", "allow"), DENY_ALL))

    ping = lab.ssh(first, f"ping -c 1 -W 5 {second.nics[0].address}")

    assert ping.returncode == 0
    assert not reaches(second.nics[0].address, 22)


@pytest.mark.hosts
def test_filters_stay_in_force_after_many_changes_and_a_power_cycle(lab):
    machine = lab.machine()
    address, interface = machine.nics[0].address, machine.nics[0].interface_id
    lab.machines.boot(machine)
    for rules in ((DENY_ALL,), None, (), None, (DENY_ALL,), None) * 3:
        lab.machines.set_filter(machine.server_id, interface, rules)
    opened = reaches(address, 22)

    lab.machines.power_off(machine.server_id, force=True)
    lab.machines.boot(filtered(machine, DENY_ALL))

    assert opened
    assert not reaches(address, 22)


@pytest.mark.hosts
def test_an_unknown_protocol_is_refused_by_name(lab):
    machine = filtered(lab.machine(), FilterRule("sctp", "allow"))

    with pytest.raises(KokunaiError) as refusal:
        lab.machines.boot(machine)

    assert "sctp" in str(refusal.value)
