"""Stack files with one mistake each: what is put for what in a right one, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RIGHT = """\
config:
  kokunai:environment:
    name: local
    data_class: internal
    lab: true
    access:
      private_key_file: .kokunai/ssh/id_ed25519
      ssh_from: [198.18.0.0/15]
    networks:
      - {name: cluster, site: sakura-ishikari, cidr: 192.168.10.0/24}
    storage:
      - {name: datasets, network: cluster, size_gib: 100, mount: /mnt/datasets}
    pools:
      - {name: train, site: sakura-ishikari, gpu: h100, node_count: 2, network: cluster}
"""
_ENVIRONMENT = RIGHT.partition("\n")[2]
_ACCESS = RIGHT[RIGHT.index("    access") : RIGHT.index("    networks")]
_NETWORK = RIGHT[RIGHT.index("      - {name: cluster") : RIGHT.index("    storage")]
_SHARE = RIGHT[RIGHT.index("      - {name: datasets") : RIGHT.index("    pools")]
_POOLS = RIGHT[RIGHT.index("    pools") :]
_POOL = _POOLS.partition("\n")[2]


@dataclass(frozen=True)
class Broken:
    """One mistake: the start of the answer in Japanese, and the changes to a right file."""

    expected: str
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What the answer says in every language."""
        return self.expected.split(": ")[0]

    @property
    def text(self) -> str:
        """The file; every change is made exactly once."""
        text = RIGHT
        for old, new in self.changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text


def _broken(path: str, old: str, new: str) -> Broken:
    return Broken(f"kokunai:environment{path}", {old: new})


BROKEN = {
    "address_alone": _broken(".access.ssh_from[0]: IPv4", "198.18.0.0/15", "198.18.0.1"),
    "bad_cidr": _broken(".networks[0].cidr: IPv4", "192.168.10.0/24", "192.168.10.7/24"),
    "bad_data_class": _broken(".data_class: 次のどれか", "class: internal", "class: top-secret"),
    "bad_name": _broken(".pools[0].name: 書式", "name: train", "name: Train Pool"),
    "count_is_boolean": _broken(".pools[0].node_count: 整数", "count: 2", "count: true"),
    "duplicate_key": Broken("YAML", {"    lab: true\n": "    data_class: public\n    lab: true\n"}),
    "duplicate_network": _broken(
        ".networks[1].name: 名前 cluster",
        _NETWORK,
        _NETWORK + _NETWORK.replace("10.0/24", "11.0/24"),
    ),
    "duplicate_pool": _broken(
        ".pools[1].name: 名前 train",
        _POOL,
        "      - {name: train, site: sakura-ishikari, gpu: v100, node_count: 1}\n" + _POOL,
    ),
    "empty": _broken("", RIGHT, ""),
    "endless_timeout": _broken(
        ".pools[0].order_timeout_seconds: 2592000 以下",
        "count: 2",
        "count: 2, order_timeout_seconds: 99999999999",
    ),
    "environment_is_text": _broken(
        ": キーと値の組", _ENVIRONMENT, "  kokunai:environment: hello\n"
    ),
    "environment_missing": _broken("", _ENVIRONMENT, "  other:key: 1\n"),
    "host_outside_network": _broken(
        ".pools[0].first_host: ホスト番号 300", "count: 2", "count: 1, first_host: 300"
    ),
    "lab_is_yes": _broken(".lab: true か false", "lab: true", "lab: yes"),
    "long_host_name": Broken(
        "kokunai:environment.pools[0].name: ホスト名",
        {
            "name: local": "name: a23456789-123456789-123456789-1",
            "name: train": "name: b23456789-123456789-123456789-1",
        },
    ),
    "negative_count": _broken(".pools[0].node_count: 0 以上", "count: 2", "count: -2"),
    "netmask": _broken(".networks[0].cidr: IPv4", "10.0/24", "10.0/255.255.255.0"),
    "no_access": _broken(".access: 必須", _ACCESS, ""),
    "no_pools": _broken(".pools: 1 個以上", _POOLS, "    pools: []\n"),
    "not_yaml": Broken("YAML", {_ENVIRONMENT: "  kokunai:environment: {name: [local\n"}),
    "number_as_key": _broken(".1: 知らないキー", "    lab: true\n", "    1: x\n    lab: true\n"),
    "overlapping_hosts": _broken(
        ".pools[1].first_host: ホスト番号",
        _POOL,
        "      - {name: other, site: sakura-ishikari, gpu: v100, node_count: 3, network: cluster,"
        " first_host: 10}\n" + _POOL,
    ),
    "overlapping_networks": _broken(
        ".networks[1].cidr: 192.168.0.0/16",
        _NETWORK,
        f"{_NETWORK}      - {{name: wide, site: sakura-ishikari, cidr: 192.168.0.0/16}}\n",
    ),
    "pools_missing": _broken(".pools: 必須", _POOLS, ""),
    "pools_not_a_list": _broken(".pools: リスト", _POOLS, "    pools: train\n"),
    "same_mount": _broken(
        ".storage[1].mount: /mnt/datasets",
        _SHARE,
        _SHARE + _SHARE.replace("name: datasets", "name: more, host: 8"),
    ),
    "site_without_gpus": _broken(
        ".pools[0].gpu: kddi-sakai では GPU h100",
        _POOL,
        "      - {name: train, site: kddi-sakai, gpu: h100, node_count: 1}\n",
    ),
    "unknown_gpu": _broken(
        ".pools[0].gpu: sakura-ishikari では GPU h300", "gpu: h100", "gpu: h300"
    ),
    "unknown_image": _broken(
        ".pools[0].image: OS windows-11", "count: 2", "count: 2, image: windows-11"
    ),
    "unknown_key": _broken(".pools[0].nodes: 知らないキー", "count: 2", "count: 2, nodes: 3"),
    "unknown_network": _broken(
        ".pools[0].network: ネットワーク fabric",
        "count: 2, network: cluster",
        "count: 2, network: fabric",
    ),
    "unknown_section": _broken(
        ".clusters: 知らないキー", "    lab: true\n", "    clusters: []\n    lab: true\n"
    ),
    "unknown_site": _broken(
        ".pools[0].site: データセンター us-east-1",
        "site: sakura-ishikari, gpu",
        "site: us-east-1, gpu",
    ),
    "two_sizes": _broken(".pools[0].node_count: node_count", "count: 2", "count: 2, gpus: 2"),
    "no_size": _broken(".pools[0].node_count: node_count", ", node_count: 2", ""),
    "wrong_type": _broken(".pools[0].node_count: 整数", "count: 2", "count: many"),
}
