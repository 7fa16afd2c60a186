"""The nodes' own filter: what it lets in, whom it never locks out, and what is told of it."""

from __future__ import annotations

import fnmatch
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
import yaml
from jinja2 import Environment
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
        udp dport 546 ip6 saddr fe80::/10 accept
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

    def render(of_pool, **variables) -> str:
        place = tmp_path / "templates/etc/kokunai/firewall.nft.j2"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE, place)
        files = [{"path": "/etc/kokunai/firewall.nft"}]
        task = {"name": "Write", "file_bundle": {"root": str(tmp_path / "root"), "files": files}}
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        (tmp_path / "play.json").write_text(
            json.dumps([{**play, "vars": {**role_variables.firewall(of_pool), **variables}}])
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


def test_what_leads_outside_is_dropped_before_containers_are_let_in(open_facts, rendered):
    text = rendered(open_facts, firewall_way={"port": 2200, "outside": ["br-ex"]})

    assert "tcp dport { 22, 2200 } ip saddr { 203.0.113.0/24 } accept" in text
    assert text.index('iifname "br-ex" drop') < text.index('iifname "docker0" accept')
    assert text.index('iifname "eth1" ip saddr') < text.index('iifname "br-ex" drop')


def test_no_pattern_holds_the_usual_names_of_real_bridges():
    for name in ("br-mgmt", "br-int", "br-lan", "docker-lan", "eth0", "bond0", "enp1s0"):
        assert not any(
            fnmatch.fnmatchcase(name, one) for one in role_variables.CONTAINER_INTERFACES
        )


def _interface(root: Path, name: str, *, device: bool = False, ports: tuple[str, ...] = ()) -> None:
    place = root / "sys/class/net" / name
    place.mkdir(parents=True)
    (place / "uevent").write_text(f"INTERFACE={name}\n")
    if device:
        (place / "device").mkdir()
    if ports or name.startswith(("br-", "virbr", "docker0")):
        (place / "bridge").mkdir()
    for port in ports:
        (place / f"lower_{port}").mkdir()


def test_an_interface_that_leads_outside_is_told_from_a_containers(tmp_path: Path):
    _interface(tmp_path, "eth0", device=True)
    _interface(tmp_path, "veth12ab")
    _interface(tmp_path, "br-0123456789ab", ports=("veth12ab",))
    _interface(tmp_path, "br-ba9876543210", ports=("eth0",))
    _interface(tmp_path, "br-ex")
    _interface(tmp_path, "br-data")
    _interface(tmp_path, "virbr0")
    _interface(tmp_path, "virbr1", ports=("eth0",))
    _interface(tmp_path, "docker0", ports=("veth12ab",))
    _interface(tmp_path, "vethlogin")
    _interface(tmp_path, "cali0a1b2c")
    # A tunnel stands on a device, yet containers of other nodes are behind it.
    _interface(tmp_path, "flannel.1")
    (tmp_path / "sys/class/net/flannel.1/lower_eth0").mkdir()
    patterns = list(role_variables.CONTAINER_INTERFACES)

    found = module.outside(tmp_path, patterns, {"eth0", "vethlogin"})

    assert found == ["br-ba9876543210", "br-data", "br-ex", "vethlogin", "virbr1"]


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
    assert module.connection(tmp_path, 10)[3] == "22"


@pytest.mark.parametrize(
    "value", [b"", b"UNKNOWN 65535 UNKNOWN 65535", b"198.51.100.7", b"\xff 1 2 3", b"a b c d"]
)
def test_a_connection_without_an_address_has_no_source(tmp_path: Path, value: bytes):
    _process(tmp_path, 9, 1, b"SSH_CONNECTION=" + value)

    assert module.source(tmp_path, 9) == ""


ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}, {"local": "10.9.9.9"}]},
    {"ifname": "eth0", "addr_info": [{"local": "203.0.113.1"}]},
    {"ifname": "eth1", "addr_info": [{"local": "192.168.10.11"}]},
]


def _judged(monkeypatch, connection: str, **given) -> dict:
    """What the module answers on a host with those addresses."""
    answers: list[dict] = []

    class Answer(Exception):
        pass

    class Module:
        def __init__(self, **_):
            defaults = {name: one.get("default") for name, one in module.ARGUMENTS.items()}
            private = {"private_networks": ["192.168.10.0/24"], "private_interface": "eth1"}
            self.params = {**defaults, "networks": ["198.51.100.0/24"], **private, **given}

        def exit_json(self, **said):
            answers.append(said)
            raise Answer

        fail_json = exit_json

    def ip(*words: str) -> list[dict]:
        return ADDRESSES if words == ("address",) else [{"dev": "eth1"}] * ("get" in words)

    monkeypatch.setattr(module, "AnsibleModule", Module)
    monkeypatch.setattr(module, "ip", ip)
    monkeypatch.setattr(module, "connection", lambda *_: connection.split())
    with pytest.raises(Answer):
        module.main()
    return answers[0]


@pytest.mark.parametrize(
    ("connection", "port"),
    [
        ("198.51.100.7 5000 203.0.113.1 2200", 2200),
        ("192.168.10.3 5000 192.168.10.11 22", 22),
        ("192.168.10.3 5000 10.9.9.9 22", 22),
        ("127.0.0.1 5000 127.0.0.1 22", 22),
    ],
)
def test_who_may_come_back_is_let_in_at_the_port_of_sshd(monkeypatch, connection, port):
    assert _judged(monkeypatch, connection)["port"] == port


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        # The rule of the private networks holds for the private interface alone.
        ("192.168.10.3 5000 203.0.113.1 22", "would lock out 192.168.10.3"),
        ("203.0.113.9 5000 203.0.113.1 22", "would lock out 203.0.113.9"),
        ("", "might lock it out"),
    ],
)
def test_who_could_not_come_back_is_told_before_anything_is_filtered(monkeypatch, connection, said):
    assert said in _judged(monkeypatch, connection)["msg"]


def test_without_a_network_nobody_is_locked_out(monkeypatch):
    assert _judged(monkeypatch, "", over_ssh=False)["source"] == ""


def test_nothing_is_installed_for_a_filter_that_is_switched_off():
    role = PLAYBOOKS / "roles/firewall"
    tasks = yaml.safe_load((role / "tasks/main.yml").read_text(encoding="utf-8"))
    [install] = [task for task in tasks if "ansible.builtin.apt" in task]
    [boot] = [task for task in tasks if "ansible.builtin.systemd_service" in task]
    [apply, _] = yaml.safe_load((role / "handlers/main.yml").read_text(encoding="utf-8"))
    wanted = {
        (True, 0): (False, True, True),
        (True, 1): (True, True, False),
        (False, 0): (False, True, True),
        (False, 1): (False, False, False),
    }

    for (enabled, missing), expected in wanted.items():
        given = {
            "firewall_enabled": enabled,
            "firewall_files": {"missing": ["nft"] * missing, "pending": {"firewall": ["x"]}},
            "kokunai_host": {"systemd": True},
        }
        tasks_run = tuple(
            Environment(autoescape=True).compile_expression(task["when"])(**given)
            for task in (install, boot)
        )
        handled = Environment(autoescape=True).compile_expression(apply["when"])(**given)
        assert tasks_run == expected[:2]
        # Once installed, the program is there when handlers run.
        assert handled is (enabled or expected[2])


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
