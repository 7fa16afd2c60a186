"""Mutated stack files: each is refused with its place in both languages, or is right throughout.

`make test` runs a sample; KOKUNAI_FAULTS=all runs all of them and prints how they ended.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from kokunai import model, stack_file
from kokunai.environment import placed_parts
from kokunai.errors import KokunaiError
from kokunai.settings import Key, StackSettings
from support.broken_stack_files import RIGHT
from support.fault_matrix import IS_ALL
from support.mutations import places

ALL, SAMPLE = 5000, 150
COUNT = ALL if IS_ALL else SAMPLE
RICH = """\
config:
  own:title: 学習　データ：テスト  # 全角の　コメント：です
  kokunai:environment:
    name: rich
    data_class: medical
    access:
      private_key_file: '鍵/id ed25519'
      ssh_from: [203.0.113.0/24, 10.0.0.0/8]
      open_ports:
        - {port: 8000, last_port: 8100, protocol: tcp, allow_from: [203.0.113.0/24]}
    hosts:
      ntp_servers: [ntp.nict.jp, 10.0.0.1]
      dns_servers: [10.0.0.53]
      package_sources:
        - {uri: "https://ftp.jp.debian.org/debian", suites: [bookworm], components: [main, contrib]}
    networks:
      - {name: cluster, site: sakura-ishikari, cidr: 192.168.10.0/24, zone: is1a}
      - {name: other, site: sakura-ishikari, cidr: 10.1.0.0/16}
    storage:
      - {name: datasets, network: cluster, size_gib: 500, disk: hdd, host: 9, mount: /mnt/datasets}
      - {name: models, network: other, size_gib: 100, mount: /models}
    pools:
      - name: train
        site: sakura-ishikari
        gpu: h100
        offer: sakura-vrt-h100
        node_count: 3
        image: debian-12
        network: cluster
        first_host: 20
        boot_disk_gib: 250
        order_timeout_seconds: 600
      - {name: serve, site: sakura-ishikari, gpu: v100, node_count: 0}
"""
CHARACTERS = (
    "\n\t\0\x1b\x7f\x85\u2028\u200b\u202e\xa0\ufeff　：，“”‘－０é{}[]:,#&*!|>%@`'\"\\-~?/._ 09azAZ"
)
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2.5, 10**14, "", " ", "~", "null", "08", "0x1", "1:30", "1_0",
    "yes", "all", "localhost", "us-east-1", "train", "cluster", "a" * 64, "xn--a", "/etc", "/",
    "/mnt/a b", "/root/.ssh", "{{ lookup('pipe', 'id') }}", "a\nb", "a\0b", "\x1b[2J", "\u202e",
    "　", "10.0.0.0/8", "0.0.0.0/0", "127.0.0.1/8", "224.0.0.0/4", "300.0.0.0/8", "10.0.0.1/24",
    "https://u:p@m.jp/", "file:/srv", "h300", "H100", "ubuntu-24.04", [], {}, [[]], ["a", "a"],
    {"secure": "v1"}, [None], {"a\nb": 1}, "main\n\nURIs: x", "../../etc",
]  # fmt: skip


def changed_text(random: Random, text: str) -> str:
    """The text with a few characters or lines put in, taken out, doubled or moved."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(text)) if text else 0
        lines = text.splitlines(keepends=True) or [""]
        row = random.randrange(len(lines))
        what = random.randrange(6)
        if what == 0:
            text = text[:at] + random.choice(CHARACTERS) + text[at:]
        elif what == 1:
            text = text[:at] + random.choice(CHARACTERS) + text[at + 1 :]
        elif what == 2:
            text = text[:at] + text[at + random.randrange(1, 9) :]
        elif what == 3:
            text = "".join([*lines[:row], *lines[row + 1 :]])
        elif what == 4:
            text = "".join([*lines[: row + 1], *lines[row:]])
        else:
            text = "".join([*lines[:row], random.choice((" ", "  ", "\t", "　")), *lines[row:]])
    return text


def changed_values(random: Random, text: str) -> str:
    """The file with a few values replaced, removed, doubled, or given to another key."""
    content = yaml.safe_load(text)
    for _ in range(random.choice((1, 1, 2, 3))):
        root = content.get("config")
        fitting = list(places(root)) if isinstance(root, dict | list) else []
        holder, key = random.choice(fitting or [(content, "config")])
        what = random.randrange(5)
        if holder is content:
            content["config"] = copy.deepcopy(random.choice(VALUES))
        elif what == 0:
            holder.pop(key)
        elif what == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif what == 2 and isinstance(holder, dict):
            holder[random.choice(("zone", "was", "protect", "x y", "name", "mount"))] = holder[key]
        else:
            holder[key] = copy.deepcopy(random.choice(VALUES))
    return yaml.safe_dump(content, allow_unicode=random.random() < 0.5)


OTHERS: dict[str, list[Any]] = {
    "name": ["train", "serve", "data", "all", "localhost", "a-1", "cluster"],
    "data_class": ["public", "medical", "secret"],
    "private_key_file": ["id", "鍵/id　2", "~/.ssh/id", " id", "a\0b"],
    "ssh_from": [["10.0.0.0/8"], ["203.0.113.7/32"], ["0.0.0.0/0"], ["127.0.0.0/8"], []],
    "port": [80, 8443, 0],
    "last_port": [8000, 9000, None],
    "protocol": ["udp", "icmp"],
    "ntp_servers": [["ntp.nict.jp"], ["10.0.0.9", "a.example.jp"], ["a b"], ["a\nb"]],
    "dns_servers": [[], ["10.0.0.54"], ["dns.google"]],
    "uri": ["http://10.0.0.1/debian", "https://m.jp:8443/a/", "https://u:p@m.jp/"],
    "suites": [["bookworm"], ["./"], ["x\nTrusted: yes"]],
    "components": [["main"], ["main contrib"]],
    "site": ["sakura-tokyo", "kddi-sakai", "sakura-ishikari"],
    "zone": ["is1a", "is1b", "IS1A", None],
    "cidr": ["10.9.0.0/16", "172.16.0.0/24", "192.168.0.0/28", "8.8.8.0/24", "224.0.0.0/24"],
    "size_gib": [100, 500, 1024, 101],
    "disk": ["ssd", "hdd", "nvme"],
    "host": [8, 200, 0],
    "mount": ["/data", "/models/a", "/home", "/opt/x", "/etc", "/mnt"],
    "gpu": ["h100", "v100", "H100"],
    "offer": ["sakura-vrt-h100", "sakura-vrt-v100", None],
    "node_count": [0, 1, 5, 199, "08", "1:30"],
    "image": ["debian-12", "ubuntu-24.04", "ubuntu-22.04", "windows"],
    "network": ["cluster", "other", None, "none"],
    "first_host": [1, 30, 250],
    "boot_disk_gib": [20, 40, 100, 4096, 33],
    "order_timeout_seconds": [1, 9999, 0],
    "lab": [True, False, "yes"],
}
"""By key, what a person may well write there, right and wrong."""


def changed_sense(random: Random, text: str) -> str:
    """The file with one or two values replaced by others of their kind."""
    content = yaml.safe_load(text)
    for _ in range(random.choice((1, 1, 2))):
        fitting = [(holder, key) for holder, key in places(content["config"]) if key in OTHERS]
        holder, key = random.choice(fitting)
        holder[key] = copy.deepcopy(random.choice(OTHERS[key]))
    return yaml.safe_dump(content, allow_unicode=True)


MUTATIONS: tuple[Callable[[Random, str], str], ...] = (changed_text, changed_values, changed_sense)
# A place in the file: a path below its key, a line, or the key that is missing.
_PLACE = re.compile(r"config\.kokunai:(environment|settings)|line \d+, column \d+|lacks kokunai:")


def told(path: Path, refusal: KokunaiError) -> None:
    """A refusal names the file and a place in it, in both languages, without control characters."""
    assert str(path) in refusal.ja
    assert _PLACE.search(refusal.en)
    assert re.search(r"[ぁ-ん]", refusal.ja)
    said = (refusal.ja + refusal.en).replace("\n", "")
    hidden = [mark for mark in said if unicodedata.category(mark) in HIDDEN]
    assert hidden == []


HIDDEN = {"Cc", "Cf", "Zl", "Zp"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for key, member in value.items() if isinstance(value, dict) else ():
        yield from (key, *texts(member))
    for member in value if isinstance(value, list) else ():
        yield from texts(member)


def right(path: Path, spec: model.Environment) -> None:
    """What was accepted is the same when it is written and read, and its parts are clean."""
    content = {"config": {stack_file.KEY: spec.model_dump()}}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    assert stack_file.read_file(path) == spec

    settings = StackSettings.of(
        spec, root=path.parent, secrets={}, key=Key(spec.access.private_key_file, "ssh-ed25519 A")
    )
    settings.__dict__["playbook_digest"] = "0" * 64  # reading the playbooks is not what is tried
    for placed in placed_parts(spec, settings):
        props = {key: one for key, one in placed.part.props.items() if key != "startupScript"}
        for text in texts(props):
            assert not [mark for mark in text if unicodedata.category(mark) in HIDDEN], text


def test_a_mutated_stack_file_is_refused_at_its_place_or_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "Pulumi.mutated.yaml"
    ended: Counter[str] = Counter()

    for number in range(COUNT):
        random = Random(number)
        text = MUTATIONS[number % 3](random, (RIGHT, RICH)[number // 3 % 2])
        path.write_text(text, encoding="utf-8", newline="")
        try:
            spec = stack_file.read_file(path)
        except KokunaiError as refusal:
            told(path, refusal)
            ended["refused"] += 1
        else:
            assert isinstance(spec, model.Environment)
            right(path, spec)
            ended["valid"] += 1

    assert sum(ended.values()) == COUNT
    assert all(ended[word] > COUNT // 20 for word in ("refused", "valid"))
    with capsys.disabled():
        if COUNT == ALL:
            print(f"\nmutated stack files: {COUNT}, {dict(ended)}")
