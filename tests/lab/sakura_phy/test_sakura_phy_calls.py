"""The emulator of the PHY API says what its documentation says, and its hosts follow."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

SERVER = "servers/100000000101"
ASSIGN = {
    "mode": "access",
    "internet_type": "common_subnet",
    "dedicated_subnet_id": None,
    "private_network_ids": [],
}
INSTALL = {
    "os_image_id": "ubuntu2204-x86_64",
    "password": "passw0rd",
    "manual_partition": False,
    "ssh_public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me"],
    "allow_password_login": False,
}
PRIVATE = ["300000000001", "300000000002"]


@pytest.fixture
def phy(api: Any) -> Any:
    root = f"{api.places.url}/cloud/api/dedicated-phy/1.0"
    header = {"X-Requested-With": "XMLHttpRequest"}

    def call(method: str, path: str, body: Any = None, headers: Any = header) -> Any:
        return api.http.request(method, f"{root}/{path}", json=body, headers=headers)

    return call


def port(phy: Any) -> int:
    return int(phy("GET", f"{SERVER}/").json()["server"]["ports"][0]["port_id"])


def test_a_write_needs_the_header_and_every_path_its_slash(phy: Any) -> None:
    body = {"operation": "on"}

    assert phy("POST", f"{SERVER}/power_control/", body, {}).status_code == 400
    assert phy("POST", f"{SERVER}/power_control", body).status_code == 301
    assert phy("GET", f"{SERVER}/power_status/").json() == {"power_status": {"status": "off"}}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("power_control/", {"operation": "explode"}, "operation"),
        ("power_control/", {}, "operation"),
        ("os_install/", {**INSTALL, "os_image_id": "beos"}, "os_image_id"),
        ("os_install/", {**INSTALL, "password": "short"}, "password"),
        ("os_install/", {**INSTALL, "ssh_public_keys": []}, "ssh_public_keys"),
        ("port_channels/1000/configure_bonding/", {"bonding_type": "duct-tape"}, "bonding_type"),
        (
            "port_channels/1000/configure_bonding/",
            {"bonding_type": "lacp", "port_nicknames": ["a", "b"]},
            "port_nicknames",
        ),
        ("ports/1/assign_network/", {**ASSIGN, "mode": "bridge"}, "mode"),
        ("ports/1/assign_network/", {**ASSIGN, "internet_type": "satellite"}, "internet_type"),
        (
            "ports/1/assign_network/",
            {**ASSIGN, "private_network_ids": PRIVATE},
            "non_field_errors",
        ),
        (
            "ports/1/assign_network/",
            {**ASSIGN, "internet_type": "dedicated_subnet", "dedicated_subnet_id": "1"},
            "dedicated_subnet_id",
        ),
        ("ports/1/assign_network/", {"mode": "access"}, "internet_type"),
    ],
)
def test_words_that_the_documentation_does_not_know_are_refused(
    phy: Any, path: str, body: Any, field: str
) -> None:
    refused = phy("POST", f"{SERVER}/{path}", body)

    assert refused.status_code == 400
    assert refused.json()["title"] == "invalid"
    assert list(refused.json()["invalid_parameters"]) == [field]


def test_a_wrong_key_and_unknown_things_are_refused_as_documented(phy: Any, api: Any) -> None:
    api.http.auth = ("wrong", "key")
    denied = phy("GET", "servers/")
    api.http.auth = (api.credentials.token, api.credentials.secret)

    assert (denied.status_code, denied.json()["error_code"]) == (401, "unauthorized")
    for path in ("servers/999999999999/", f"{SERVER}/ports/77/", "private_networks/1/"):
        gone = phy("GET", path)
        assert (gone.status_code, gone.json()["title"]) == (404, "not_found")
    assert phy("GET", "services/?product_category=spaceship").status_code == 400


def test_bonding_makes_the_ports_anew(phy: Any) -> None:
    before = port(phy)
    phy("POST", f"{SERVER}/ports/{before}/assign_network/", ASSIGN)

    made = phy("POST", f"{SERVER}/port_channels/1000/configure_bonding/", {"bonding_type": "lacp"})

    [after] = made.json()["port_channel"]["ports"]
    shown = phy("GET", f"{SERVER}/ports/{after}/").json()["port"]
    assert after != before
    assert (shown["mode"], shown["internet"], shown["private_networks"]) == (None, None, [])
    assert phy("GET", f"{SERVER}/ports/{before}/").status_code == 404


def test_an_installation_locks_the_server_and_puts_the_keys_into_a_host(open_api: Any) -> None:
    from emulator import Delays

    api = open_api(delays=Delays(copy_seconds=0.4, boot_seconds=0, stop_seconds=0))
    root = f"{api.places.url}/cloud/api/dedicated-phy/1.0/{SERVER}"

    def call(method: str, path: str, body: Any = None) -> Any:
        header = {"X-Requested-With": "XMLHttpRequest"}
        return api.http.request(method, f"{root}/{path}", json=body, headers=header)

    call("POST", "port_channels/1000/configure_bonding/", {"bonding_type": "lacp"})
    [bond] = call("GET", "").json()["server"]["ports"]
    networks = {**ASSIGN, "mode": "trunk", "private_network_ids": PRIVATE[:1]}
    call("POST", f"ports/{bond['port_id']}/assign_network/", networks)
    began = call("POST", "os_install/", INSTALL)
    locked = call("GET", "").json()["server"]["lock_status"]
    refused = call("POST", "power_control/", {"operation": "off"})
    api.wait_until_idle()

    assert (began.status_code, locked, refused.status_code) == (204, "os_install", 409)
    shown = call("GET", "").json()["server"]
    host = api.machines.booted["100000000101"]
    assert (shown["lock_status"], shown["cached_power_status"]["status"]) == (None, "on")
    assert host.ssh_public_keys == tuple(INSTALL["ssh_public_keys"])
    assert (host.login_user, host.gpu.count) == ("ubuntu", 8)
    assert [(nic.name, nic.switch_id) for nic in host.nics] == [
        ("bond0", "shared"),
        ("bond0.3001", PRIVATE[0]),
    ]
    assert host.nics[0].address == shown["ipv4"]["ip_address"]


def test_only_what_is_in_use_is_content_of_the_lab(phy: Any, api: Any) -> None:
    before = api.state()
    phy("POST", f"{SERVER}/power_control/", {"operation": "on"})

    after = api.wait_until_idle()

    assert before["counts"]["dedicated_servers"] == 0
    assert after["names"]["dedicated_servers"] == ["h100-101"]
    assert [row["id"] for row in after["servers"]] == ["100000000101"]
