"""What the driver knows of the seller's limits, filters and images is what plugin and lab know."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from kokunai import capacity, catalog, model, stack_file
from kokunai.capacity import sakura_iaas, sakura_limits
from kokunai.drivers import sakura_limits as sakura_limits_of_api
from kokunai.errors import KokunaiError
from kokunai.lab.hosts import identity
from kokunai.lab.machines import Machine
from kokunai.lab.sakura_iaas import provider_data
from kokunai.plugin.inputs import checked
from kokunai.plugin.sakura.packet_filter import PacketFilterInputs
from kokunai.plugin.sakura.products import image_name

LIMITS = sakura_limits.limits_of(sakura_iaas.DRIVER)
PRODUCTS = provider_data.data("products")
ACCESS = {"private_key_file": "id", "ssh_from": ["203.0.113.0/24"]}


def stack(**changes: Any) -> dict[str, Any]:
    pool = {"name": "train", "site": "sakura-ishikari", "gpu": "h100", "node_count": 1}
    return {"name": "x", "data_class": "internal", "access": ACCESS, "pools": [pool], **changes}


def test_the_limits_are_those_of_the_plugin_and_of_the_emulator():
    disks = {row["word"]: row["sizes_gib"] for row in PRODUCTS["disk_plans"]["plans"]}
    shares = {
        word.lower(): tuple(sizes.values())
        for word, sizes in PRODUCTS["nfs_plans"]["plans"].items()
    }

    assert LIMITS.filter_rules == sakura_limits_of_api.MOST_RULES
    assert list(LIMITS.boot_disk_gib) == disks["ssd"]
    assert LIMITS.share_gib == shares


def test_as_many_networks_as_the_filter_has_rules_are_accepted_and_one_more_is_not():
    free = LIMITS.filter_rules - len(sakura_iaas._FIXED_RULES)
    networks = [f"203.0.{number}.0/24" for number in range(free + 1)]

    assert stack_file.read(stack(access={**ACCESS, "ssh_from": networks[:free]}))
    with pytest.raises(KokunaiError, match=rf"environment\.access\.ssh_from: .*{free} networks"):
        stack_file.read(stack(access={**ACCESS, "ssh_from": networks}))


def test_every_rule_fits_the_filter_and_only_what_is_named_is_open():
    opened = {"port": 8000, "last_port": 8100, "protocol": "udp", "allow_from": ["10.0.0.0/8"]}
    access = model.Access.model_validate({**ACCESS, "open_ports": [opened]})

    rules = sakura_iaas.ingress_rules(access)

    props = {"name": "x", "zone": "is1a", "site": "s", "labels": {}, "rules": rules}
    assert checked(PacketFilterInputs, props).failures == ()
    named = [rule for rule in rules if "sourceNetwork" in rule]
    assert [(rule["protocol"], rule["destinationPort"]) for rule in named] == [
        ("tcp", "22"),
        ("udp", "8000-8100"),
    ]
    # Replies come to the ports from which Linux asks, and to no other.
    others = [rule for rule in rules[len(named) : -1] if rule["protocol"] in {"tcp", "udp"}]
    assert {rule["destinationPort"] for rule in others} == {"32768-60999"}
    assert rules[-1]["action"] == "deny"


def test_every_image_is_an_archive_of_the_emulator_with_the_same_login_user():
    rows = PRODUCTS["archives"]["archives"]
    images = [row for row in catalog.images().values() if row.driver == sakura_iaas.DRIVER]

    assert {"debian-12", "ubuntu-22.04", "ubuntu-24.04"} <= {row.key for row in images}
    for image in images:
        name = image.terms["archive"]
        [row] = [row for row in rows if name in {row["name"], *row["tags"]}]
        assert row.get("login_user", "root") == image.login_user


def test_an_imported_server_names_its_image_as_the_catalogue_does():
    rows = [{"Name": row["name"], "Tags": row["tags"]} for row in PRODUCTS["archives"]["archives"]]

    # The emulator also has images for users of other clients, which the catalogue does not sell.
    others = {"AlmaLinux 9.6 64bit", "Rocky Linux 9.6 64bit"}
    assert {image_name(row) for row in rows} - others == {
        row.terms["archive"]
        for row in catalog.images().values()
        if row.driver == sakura_iaas.DRIVER
    }
    assert image_name({"Name": "our own", "Tags": None}) == "our own"


def test_the_archives_of_the_emulator_have_ids_of_their_own():
    ids = [list(row["ids"].values()) for row in PRODUCTS["archives"]["archives"]]

    assert len(set(itertools.chain(*ids))) == sum(map(len, ids))


def test_a_host_of_another_image_says_that_it_is_the_labs_debian():
    machine = Machine("1", "2", "n", (), ("key",), image="Ubuntu 24.04", login_user="ubuntu")
    shadow, passwd = "root:*:1:0:9:7:::\n", "root:x:0:0:root:/root:/bin/bash\n"

    files = identity.configured(machine, shadow, passwd)
    again = identity.configured(machine, files["etc/shadow"].content, files["etc/passwd"].content)
    label = identity.labels(machine)["etc/kokunai-simulation"].content

    assert re.search(r"^ubuntu:x:0:0:SIMULATION", files["etc/passwd"].content, re.MULTILINE)
    assert files["etc/shadow"].content.count("ubuntu:") == 1
    assert again == files
    assert "The image is Ubuntu 24.04; what runs is the lab's Debian 12." in label
    assert "ubuntu" not in str(identity.configured(Machine("1", "2", "n", (), ()), shadow, passwd))


@pytest.mark.parametrize(
    ("image", "suites", "is_good"),
    [
        ("ubuntu-24.04", ["noble", "noble-updates"], True),
        ("ubuntu-24.04", ["bookworm"], False),
        ("debian-12", ["bookworm/snapshot"], True),
        ("debian-12", ["jammy-updates"], False),
        ("debian-12", ["our-own", "./"], True),
    ],
)
def test_packages_of_another_release_are_refused(image: str, suites: list[str], is_good: bool):
    source = {"uri": "https://m.jp/d", "suites": suites}
    raw = stack(hosts={"package_sources": [source]})
    raw["pools"][0]["image"] = image

    if is_good:
        assert stack_file.read(raw).pools[0].image == image
    else:
        with pytest.raises(KokunaiError, match=r"pools\[0\]\.image: .*does not fit"):
            stack_file.read(raw)


def test_a_driver_without_limits_refuses_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(capacity, "_door", lambda _driver: object())

    assert list(capacity.limits("other", capacity.Asked(None, {}, {}))) == []


@pytest.mark.parametrize(
    ("image", "mount", "is_good"),
    [
        ("debian-12", "/home", True),
        ("debian-12", "/home/ubuntu", True),
        ("ubuntu-24.04", "/home", False),
        ("ubuntu-24.04", "/home/ubuntu", False),
        ("ubuntu-24.04", "/home/ubuntu/.ssh", False),
        ("ubuntu-24.04", "/home/ubuntu/data", True),
    ],
)
def test_a_mount_never_hides_the_keys_of_the_images_user(image: str, mount: str, is_good: bool):
    raw = stack(
        networks=[{"name": "n", "site": "sakura-ishikari", "cidr": "10.0.0.0/24"}],
        storage=[{"name": "s", "network": "n", "size_gib": 100, "mount": mount}],
    )
    raw["pools"][0] |= {"image": image, "network": "n"}

    if is_good:
        assert stack_file.read(raw).storage[0].mount == mount
    else:
        with pytest.raises(KokunaiError, match=r"storage\[0\]\.mount: .*SSH keys of ubuntu"):
            stack_file.read(raw)
