"""Stack files that are right in form and wrong in sense, and neighbours of theirs that are fine."""

from __future__ import annotations

from support.broken_stack_files import RIGHT, Broken

_E = "kokunai:environment"
_SHARE = "      - {name: datasets, network: cluster, size_gib: 100, mount: /mnt/datasets}\n"
_NETWORK = "      - {name: cluster, site: sakura-ishikari, cidr: 192.168.10.0/24}\n"
_POOL = "name: train"
_FROM = "ssh_from: [198.18.0.0/15]"
_LAB = "    lab: true\n"
_COUNT = "node_count: 2"
_MANY = ", ".join(f"203.0.{n}.0/24" for n in range(25))


def _hosts(text: str) -> tuple[str, str]:
    return _LAB, f"{_LAB}    hosts: {text}\n"


def _source(text: str) -> tuple[str, str]:
    return _hosts(f"{{package_sources: [{{uri: https://m.jp/d, suites: [x], {text}}}]}}")


def _uri(text: str) -> tuple[str, str]:
    return _hosts(f"{{package_sources: [{{uri: '{text}', suites: [x]}}]}}")


def _shares(first: str, second: str) -> tuple[str, str]:
    rows = (
        _SHARE.replace("datasets,", f"d{host},", 1)
        .replace("/mnt/datasets", path)
        .replace("size", f"host: {host}, size")
        for host, path in ((8, first), (9, second))
    )
    return _SHARE, "".join(rows)


_SENSELESS: dict[str, list[tuple[str, str]]] = {
    ".storage[0].mount": [
        *(
            ("/mnt/datasets", path)
            for path in (
                "/etc",
                "/etc/kokunai",
                "/root",
                "/root/.ssh",
                "/usr",
                "/var",
                "/var/lib/docker",
                "/proc/x",
                "/dev/shm",
                "/run/x",
                "/boot/efi",
                "/lib64",
                "/tmp/data",
                "/mnt/../etc",
                "/mnt/.",
                "//",
                "/mnt/",
                "mnt/data",
                "'/mnt/a b'",
                "/mnt/é",
                r'"/mnt/a\n/etc"',
                "/" + "-" * 100,
            )
        )
    ],
    ".storage[1].mount": [_shares("/mnt/a", "/mnt/a/b"), _shares("/data/x", "/data")],
    ".storage[0].size_gib": [("size_gib: 100", "size_gib: 101")],
    ".storage[0].name": [
        ("name: datasets", "name: localhost"),
        ("name: datasets", "name: local-train-1"),
    ],
    ".networks[0].cidr": [
        ("192.168.10.0/24", cidr)
        for cidr in (
            "0.0.0.0/0",
            "127.0.0.0/8",
            "224.0.0.0/24",
            "169.254.0.0/16",
            "240.0.0.0/8",
            "8.8.8.0/24",
            "100.64.0.0/10",
            "192.0.0.0/8",
            "192.168.10.0/31",
            "198.18.7.0/24, allow_any_range: true",
            "133.242.0.0/24, allow_any_range: true",
        )
    ],
    ".access.ssh_from": [
        (_FROM, "ssh_from: [0.0.0.0/0]"),
        (_FROM, "ssh_from: [0.0.0.0/1, 128.0.0.0/1]"),
        (_FROM, f"ssh_from: [{_MANY}]"),
    ],
    ".access.ssh_from[0]": [
        (_FROM, f"ssh_from: [{cidr}]") for cidr in ("127.0.0.0/8", "224.0.0.0/4", "169.254.1.0/24")
    ],
    ".access.open_ports": [
        (_FROM, f"{_FROM}\n      open_ports: [{{port: 80, allow_from: [{_MANY}]}}]")
    ],
    ".access.open_ports[0].port": [
        (_FROM, f"{_FROM}\n      open_ports: [{{port: 0, allow_from: [10.0.0.0/8]}}]")
    ],
    ".access.open_ports[0].last_port": [
        (_FROM, f"{_FROM}\n      open_ports: [{{port: 9, last_port: 8, allow_from: [10.0.0.0/8]}}]")
    ],
    ".access.private_key_file": [
        (".kokunai/ssh/id_ed25519", text) for text in (r'"a\0b"', r'"a\nb"', r'"a\u200bb"', "''")
    ],
    ".hosts.ntp_servers[0]": [
        _hosts(f"{{ntp_servers: [{text}]}}")
        for text in (r'"a.jp\nserver b"', "'a b'", r'"a.jp\u200b"', "-a", "1.2.3", "''", "a..b")
    ],
    ".hosts.dns_servers[0]": [
        _hosts(f"{{dns_servers: [{text}]}}")
        for text in (
            r'"10.0.0.1\nsearch x"',
            "dns.jp",
            "127.0.0.53",
            "'::1'",
            "'::ffff:127.0.0.1'",
            "0.0.0.0",
            "'::'",
            "224.0.0.251",
            "255.255.255.255",
            "192.168.10.0",
            "192.168.10.255",
            "192.168.10.11",
            "192.168.10.12",
            "'::ffff:192.168.10.12'",
            "192.168.10.9",
        )
    ],
    ".hosts.package_sources[0].components[0]": [
        _source(f"components: [{text}]")
        for text in (r'"main\n\nURIs: file:/srv\nTrusted: yes"', "'main contrib'", r'"main\u2028"')
    ],
    ".hosts.package_sources[0].suites[0]": [
        _hosts(r"""{package_sources: [{uri: https://m.jp/d, suites: ["x\nTrusted: yes"]}]}""")
    ],
    ".hosts.package_sources[0].signed_by": [_source(r'signed_by: "/a\x1b"')],
    ".hosts.package_sources[0].uri": [
        _uri(uri)
        for uri in (
            "https://user:secret@m.jp/d",
            "https://token@m.jp/d",
            "https://m.jp/d?token=x",
            "https:///d",
            "https://m.jp:0/",
            "https://m.jp:99999/",
            "https://m..jp/",
            "ftp://m.jp/d",
        )
    ],
    ".pools[0].name": [
        (_POOL, "name: all"),
        (_POOL, "name: ungrouped"),
        (_POOL, "name: localhost"),
    ],
    ".pools[0].boot_disk_gib": [(_COUNT, f"{_COUNT}, boot_disk_gib: 33")],
    ".pools[0].gpu: sakura-ishikari では": [
        ("gpu: h100", "gpu: H100"),
        ("gpu: h100", "gpu: H100 SXM"),
    ],
    ".pools[0].image: OS": [
        (_COUNT, f"{_COUNT}, image: {name}") for name in ("ubuntu-18.04", "Windows_11", "debian 12")
    ],
    ".pools[0].offer": [(_COUNT, f"{_COUNT}, offer: VRT")],
    ".networks[0].zone": [("192.168.10.0/24", "192.168.10.0/24, zone: IS1A")],
    ".pools[0].node_count: 整数を": [
        (_COUNT, f"node_count: {text}")
        for text in ("1:30", "08", "010", "0x10", "0o17", "0b1", "1_000", "1e3", "+2", "2026-01-02")
    ],
    ".lab": [("lab: true", f"lab: {text}") for text in ("yes", "on", "off", "no", "y", "1")],
}
SENSELESS = {
    f"{place.split(':')[0]} {new[-70:]}": Broken(_E + place, {old: new})
    for place, changes in _SENSELESS.items()
    for old, new in changes
}
"""By what is written; each is refused at its path."""

_FINE = [
    *(
        ("/mnt/datasets", path)
        for path in (
            "/mnt",
            "/data",
            "/datasets",
            "/shared",
            "/models",
            "/lustre",
            "/fs/Team.v2",
            "/work",
            "/export/home",
            "/home",
            "/home/sato",
            "/opt/models",
            "/srv/nfs_1",
            "/root/datasets",
            "/var/data",
            "/media/x",
            "/etcetera",
            "/mnt/.hidden",
        )
    ),
    _shares("/mnt/a", "/mnt/ab"),
    *(("192.168.10.0/24", cidr) for cidr in ("10.0.0.0/8", "172.31.0.0/16", "192.168.0.0/28")),
    ("192.168.10.0/24", "100.64.0.0/16, allow_any_range: true"),
    (_FROM, "ssh_from: [10.0.0.0/8, 172.16.0.0/12, 203.0.113.7/32]"),
    (_FROM, "allow_any_source: true\n      ssh_from: [0.0.0.0/0]"),
    (
        _FROM,
        f"{_FROM}\n      open_ports: [{{port: 8000, last_port: 8100, allow_from: [10.1.0.0/16]}}]",
    ),
    (".kokunai/ssh/id_ed25519", "'/home/佐藤　太郎/鍵（本番）/id ed'"),
    (".kokunai/ssh/id_ed25519", "鍵：本番/id"),
    _hosts("{ntp_servers: [ntp.nict.jp., 10.0.0.1, 'fd00::1', a-b.c_d.jp]}"),
    _hosts("{dns_servers: [10.0.0.53, 'fe80::1%eth0']}"),
    _hosts("{dns_servers: [192.168.10.10, 192.168.10.13, 192.168.10.254, 192.168.11.0]}"),
    _source("components: [main, non-free-firmware, a/b]"),
    *(_uri(uri) for uri in ("http://10.0.0.1:8081/apt/", "https://[fd00::1]/d", "https://m.jp")),
    _hosts(
        "{package_sources: [{uri: https://m.jp/d, suites: [stable/updates, ./, bookworm-updates]}]}"
    ),
    (_POOL, "name: all-nodes"),
    ("name: datasets", "name: local-train-7"),
    (_LAB, f"{_LAB}    # 全角　コメント：「よし」、“はい”\n"),
    (_LAB, "    lab: True  # 全角　：\n"),
    (
        "config:\n",
        "config:\n  own:title: 学習　データ：テスト\n  own:note: |\n    ＃ 見出し：　'\n",
    ),
]
FINE = {f"{old[:20]} {new[-60:]}": RIGHT.replace(old, new) for old, new in _FINE}
"""By what is written; each is accepted."""

LOOK_ALIKES = {
    ("gpu: h100", "gpu:　h100"): (14, 50, "U+3000"),
    (_LAB, "    lab:　true\n"): (5, 9, "U+3000"),
    (_LAB, "    lab：true\n"): (5, 8, "U+FF1A"),
    (_LAB, "　　lab: true\n"): (5, 1, "U+3000"),
    (_LAB, f"{_LAB}＃ 見出し\n"): (6, 1, "U+FF03"),
    (_COUNT, "node_count：2"): (14, 67, "U+FF1A"),
    (_COUNT, "node_count: ２"): (14, 69, "U+FF12"),
    ("name: local", "name: lo\u200bcal"): (3, 13, "U+200B"),
    ("name: local", "name: \ufefflocal"): (3, 11, "U+FEFF"),
    ("name: local", "name:\xa0local"): (3, 10, "U+00A0"),
    ("name: local", "name: “local”"): (3, 11, "U+201C"),
    ("name: local", 'name: "local”'): (3, 17, "U+201D"),
    ("[198.18.0.0/15]", "［198.18.0.0/15］"): (8, 17, "U+FF3B"),
    ("[198.18.0.0/15]", "[10.0.0.0/8，172.16.0.0/12]"): (8, 28, "U+FF0C"),
    ("      - {name: train", "      － {name: train"): (14, 7, "U+FF0D"),
    ("kokunai:environment:", "kokunai:environment："): (2, 22, "U+FF1A"),
    (".kokunai/ssh/id_ed25519", "　id"): (7, 25, "U+3000"),
}
"""By what stands instead of what: line, column and character that the answer names."""
