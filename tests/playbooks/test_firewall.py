"""The nodes' own filter: what it lets in, whom it never locks out, and what is told of it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_verify import verify

from kokunai import role_variables

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
TEMPLATE = PLAYBOOKS / "roles/firewall/templates/etc/kokunai/firewall.nft.j2"
_SPEC = importlib.util.spec_from_file_location(
    "kokunai_firewall", PLAYBOOKS / "library/kokunai_firewall.py"
)
module = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(module)

GOLDEN = """\
table inet kokunai
delete table inet kokunai
table inet kokunai {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "lo" accept
        meta l4proto { 1, 58 } accept
        tcp dport { 22 } ip saddr { 203.0.113.0/24 } accept
        tcp dport 443 ip saddr { 0.0.0.0/0 } accept
        udp dport 5000-5010 ip saddr { 198.51.100.0/25 } accept
        iifname "eth1" ip saddr { 192.168.10.0/24 } accept
"""


@pytest.fixture
def open_facts(facts):
    port = role_variables.OpenPort
    return replace(
        facts,
        firewall=True,
        # One within the other: nftables refuses overlapping networks in a set.
        ssh_from=("203.0.113.0/24", "203.0.113.7/32"),
        open_ports=(
            port("tcp", "443", ("0.0.0.0/0",)),
            port("udp", "5000-5010", ("198.51.100.0/26", "198.51.100.64/26")),
        ),
        private_networks=("192.168.10.0/24",),
    )


@pytest.fixture
def rendered(tmp_path: Path):
    """The rules as the role writes them, without the header."""

    def render(of_pool) -> str:
        place = tmp_path / "templates/etc/kokunai/firewall.nft.j2"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE, place)
        files = [{"path": "/etc/kokunai/firewall.nft"}]
        task = {"name": "Write", "file_bundle": {"root": str(tmp_path / "root"), "files": files}}
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        (tmp_path / "play.json").write_text(
            json.dumps([{**play, "vars": role_variables.firewall(of_pool)}])
        )
        parts = {"LIBRARY": "library", "ACTION_PLUGINS": "action_plugins"}
        parts["FILTER_PLUGINS"] = "filter_plugins"
        environment = {f"ANSIBLE_{name}": str(PLAYBOOKS / part) for name, part in parts.items()}
        subprocess.run(
            [
                Path(sys.executable).parent / "ansible-playbook",
                *("-c", "local", "-i", "localhost,", tmp_path / "play.json"),
                *("-e", f"ansible_python_interpreter={sys.executable}"),
            ],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", **environment},
            check=True,
            capture_output=True,
        )
        text = (tmp_path / "root/etc/kokunai/firewall.nft").read_text()
        return "".join(line for line in text.splitlines(keepends=True) if line.strip()[:1] != "#")

    return render


def test_exactly_what_the_stack_file_opens_is_open(open_facts, rendered):
    text = rendered(open_facts)

    assert text.startswith(GOLDEN)
    rest = text.removeprefix(GOLDEN).split("\n")
    containers = [line.strip() for line in rest if line.strip().startswith("iifname")]
    assert containers == [
        f'iifname "{name}" accept' for name in role_variables.CONTAINER_INTERFACES
    ]
    assert [line.strip() for line in rest if line.strip()][len(containers) :] == ["}", "}"]


def test_switched_off_nothing_but_the_removal_is_left(open_facts, rendered):
    text = rendered(replace(open_facts, firewall=False))

    assert text == "table inet kokunai\ndelete table inet kokunai\n"


# Whoever logs in stays able to


def _process(root: Path, number: int, parent: int, environment: bytes) -> None:
    place = root / "proc" / str(number)
    place.mkdir(parents=True)
    (place / "environ").write_bytes(environment)
    (place / "stat").write_text(f"{number} (a (b) c) S {parent} 0 0\n")


def test_the_source_of_the_connection_is_found_above_sudo(tmp_path: Path):
    _process(tmp_path, 10, 9, b"SUDO_USER=ubuntu\0")
    _process(tmp_path, 9, 8, b"A=1\0SSH_CONNECTION=198.51.100.7 5000 203.0.113.1 22\0B=2\0")

    assert module.source(tmp_path, 10) == "198.51.100.7"
    assert module.source(tmp_path, 7) == ""


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("198.51.100.7", True),
        ("192.168.10.3", True),
        ("127.0.0.1", True),
        ("::ffff:198.51.100.7", True),
        ("198.51.101.7", False),
        ("fe80::1%eth0", False),
    ],
)
def test_a_source_that_no_rule_names_is_not_let_in(address: str, is_let_in: bool):
    networks = ["198.51.100.0/24", "192.168.10.0/24"]

    assert module.is_let_in(address, networks) is is_let_in


# What is told of it


@pytest.mark.parametrize(
    ("enabled", "listings", "verdict"),
    [
        (True, ((0, "a"), (0, "a")), "pass"),
        (True, ((0, "a"), (0, "b")), "fail"),
        (True, ((1, ""), (0, "a")), "fail"),
        (True, ((0, "a"), (1, "")), "not-verified"),
        (False, ((1, ""), (1, "")), "not-verified"),
        (False, ((0, "a"), (0, "a")), "fail"),
    ],
)
def test_the_rules_that_filter_are_compared_with_the_file(
    tmp_path: Path, monkeypatch, enabled, listings, verdict
):
    present, wanted = listings
    monkeypatch.setattr(verify, "run", lambda first, *_: wanted if first == "unshare" else present)

    judged = verify.judge_firewall(verify.Machine(str(tmp_path)), {"firewall": enabled})

    assert judged["verdict"] == verdict
    assert bool(judged["reason"]) is (verdict != "pass")


def test_a_simulated_host_that_cannot_filter_is_no_failure(tmp_path: Path, monkeypatch):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/kokunai-simulation").touch()
    monkeypatch.setattr(verify, "run", lambda *_: (1, ""))

    judged = verify.judge_firewall(verify.Machine(str(tmp_path)), {"firewall": True})

    assert (judged["verdict"], judged["reason"]) == ("not-verified", verify.SIMULATED)


# On hosts


def _is_open(address: str) -> bool:
    try:
        socket.create_connection((address, 40000), timeout=1).close()
    except OSError:
        return False
    return True


def _until_open(address: str) -> None:
    for _ in range(50):
        if _is_open(address):
            return
        time.sleep(0.1)
    raise AssertionError("nothing listens")


@pytest.mark.hosts
@pytest.mark.xdist_group("playbooks-on-hosts")
async def test_a_port_that_the_providers_filter_lets_through_is_closed_on_the_node(
    lab, inputs_of, configure, facts
):
    lab.boot(1)
    lab.ssh(1, "systemd-run --quiet --unit listen nc -lk 0.0.0.0 40000")
    _until_open(lab.address(1))
    platform = facts.platform.model_copy(update={"roles": ("firewall", "verify")})
    own = {"platform": platform, "gpu_count": 0, "private_networks": ("192.168.10.0/24",)}
    on = {**own, "firewall": True, "ssh_from": (str(lab.places.shared_network),)}
    host = "node-1"

    def inputs(**of_pool):
        made = inputs_of(lab.addresses(1), lab.key, **of_pool)
        # What other roles would set.
        made["hosts"][0]["variables"] |= {"verify_host_name": host, "verify_addresses": []}
        return made

    _, locked_out = await configure(inputs(**{**on, "ssh_from": ("203.0.113.0/24",)}))
    state, reasons = await configure(inputs(**on))
    was_open = _is_open(lab.address(1))
    lab.ssh(1, "nft add rule inet kokunai input tcp dport 40000 accept")
    opened, differing = await configure(inputs(**on), {**state, "hostDigests": {}})
    off, _ = await configure(inputs(**own), opened)

    assert "would lock out" in locked_out[0]
    assert reasons == []
    assert not was_open
    assert state["verified"][host]["firewall"]["verdict"] == "pass"
    assert opened["results"][host]["changed"] == 0
    assert "firewall: ルールが変えられています" in differing[0]
    assert off["verified"][host]["firewall"]["verdict"] == "not-verified"
    assert _is_open(lab.address(1))
