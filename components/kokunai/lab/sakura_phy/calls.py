"""What each call of the API does; all of it runs inside one transaction of the store."""

from __future__ import annotations

import re
from collections.abc import Callable  # noqa: TC003 - a table is typed at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_phy import fields, views
from kokunai.lab.sakura_phy.contracts import SERVER, data, new_port, row_of
from kokunai.lab.sakura_phy.problems import invalid, refuse

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from kokunai.lab.places import Places
    from kokunai.lab.store import Doc, Store

_PASSWORD = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[!-~]{8,32}")
_KEY = re.compile(r"(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+( .*)?")


@dataclass
class Call:
    """One call; `follow` are servers whose host has something to do after the commit."""

    store: Store
    places: Places
    path: dict[str, str]
    query: QueryParams
    body: dict[str, Any]
    follow: list[str] = field(default_factory=list)

    def server(self) -> Doc:
        """The server that the path names."""
        doc = self.store.get(SERVER, self.path["id"])
        return doc if doc is not None else refuse(404, f"server {self.path['id']}")

    def unlocked(self) -> Doc:
        """The same, refused while something is being done to it."""
        doc = self.server()
        return doc if doc["lock"] is None else refuse(409, f"locked: {doc['lock']}")

    def save(self, doc: Doc) -> None:
        """Store a server whose host follows."""
        self.store.put(SERVER, doc)
        self.follow.append(doc["id"])


Answer = tuple[int, dict[str, Any] | None]


# Services


def list_services(call: Call) -> Answer:
    rows = [views.service(doc) for doc in call.store.all(SERVER)]
    for category in ("dedicated_subnet", "private_network"):
        rows += [views.network_service(row, category) for row in data()[f"{category}s"]]
    if wanted := call.query.get("product_category"):
        rows = [row for row in rows if row["product_category"] == wanted]
    tags = set(call.query.getlist("tag"))
    rows = [row for row in rows if tags <= {tag["label"] for tag in row["tags"]}]
    return _listed(call, "services", rows)


def read_service(call: Call) -> Answer:
    return 200, {"service": views.service(call.server())}


def update_service(call: Call) -> Answer:
    doc = call.server()
    fields.required(call.body, "nickname", "description")
    doc["nickname"] = fields.text(call.body, "nickname", 64)
    is_null = call.body["description"] is None
    doc["description"] = None if is_null else fields.text(call.body, "description", 1000)
    call.store.put(SERVER, doc)
    return 200, {"service": views.service(doc)}


# Servers


def list_servers(call: Call) -> Answer:
    docs = call.store.all(SERVER)
    if power := call.query.get("power_status"):
        docs = [doc for doc in docs if doc["power"] == power]
    return _listed(call, "servers", [views.server(doc, call.places) for doc in docs])


def read_server(call: Call) -> Answer:
    return 200, {"server": views.server(call.server(), call.places)}


def list_images(call: Call) -> Answer:
    call.server()
    return 200, {"os_images": data()["os_images"]}


def install(call: Call) -> Answer:
    """Lock the server; its host is made anew after the answer."""
    doc, body = call.unlocked(), call.body
    fields.required(body, "os_image_id", "password", "manual_partition")
    image = next(
        (row for row in data()["os_images"] if row["os_image_id"] == body["os_image_id"]), None
    )
    if image is None:
        invalid("os_image_id", "invalid_choice", "この OS イメージはありません")
    _check_logins(body)
    doc["lock"] = "os_install"
    keys = body["ssh_public_keys"]
    doc["system"] = {"image": image["name"], "user": image["superuser_name"], "keys": keys}
    call.save(doc)
    return 204, None


def _image(image_id: Any) -> dict[str, Any]:
    found = [row for row in data()["os_images"] if row["os_image_id"] == image_id]
    if not found:
        invalid("os_image_id", "invalid_choice", "この OS イメージはありません")
    return dict(found[0])


def _check_logins(body: dict[str, Any]) -> None:
    if not _PASSWORD.fullmatch(fields.text(body, "password", 32)):
        invalid("password", "invalid", "8 から 32 文字の英数字と記号で指定してください")
    fields.flag(body, "manual_partition")
    keys = fields.texts(body, "ssh_public_keys", 20)
    if not fields.flag(body, "allow_password_login") and not keys:
        invalid("ssh_public_keys", "required", "1 つ以上の公開鍵が必要です")
    if not all(_KEY.fullmatch(key.strip()) for key in keys):
        invalid("ssh_public_keys", "invalid", "OpenSSH の公開鍵ではありません")


def power_status(call: Call) -> Answer:
    return 200, {"power_status": {"status": call.server()["power"]}}


def control_power(call: Call) -> Answer:
    operation = fields.word(call.body, "operation", ("on", "soft", "reset", "off"))
    doc = call.unlocked()
    doc["wanted"] = "on" if operation in {"on", "reset"} else "off"
    doc["force"] = operation != "soft"
    doc["reset"] = operation == "reset"
    call.save(doc)
    return 204, None


def raid_status(call: Call) -> Answer:
    if call.server()["power"] != "on":
        refuse(503, "the server is off")
    moment = data()["activated"]
    return 200, {
        "raid_status": {
            "overall_status": None,
            "monitored": moment,
            "logical_volumes": [],
            "physical_devices": [],
        }
    }


# Interfaces


def read_channel(call: Call) -> Answer:
    doc = call.server()
    _channel(call, doc)
    return 200, {"port_channel": views.channel(doc)}


def _channel(call: Call, doc: Doc) -> None:
    if call.path["channel"] != str(doc["channel_id"]):
        refuse(404, f"port channel {call.path['channel']}")


def configure_bonding(call: Call) -> Answer:
    """Make the ports of the pair anew: new ids, and connected to nothing."""
    doc = call.unlocked()
    _channel(call, doc)
    bonding = fields.word(call.body, "bonding_type", ("lacp", "static", "single"))
    count = 2 if bonding == "single" else 1
    names = call.body.get("port_nicknames")
    if names is not None and len(fields.texts(call.body, "port_nicknames", 2)) != count:
        invalid("port_nicknames", "inconsistent", "ポート名指定の数と冗長構成状態が一致しない")
    first = doc["last_port_id"] + 10_000
    doc["ports"] = [
        new_port(first + index, names[index] if names else f"port {first + index}")
        for index in range(count)
    ]
    doc["last_port_id"] = first + count - 1
    doc["bonding"] = bonding
    call.save(doc)
    return 200, {"port_channel": views.channel(doc)}


def _port(call: Call, doc: Doc) -> Doc:
    found: list[Doc] = [row for row in doc["ports"] if str(row["id"]) == call.path["port"]]
    return found[0] if found else refuse(404, f"port {call.path['port']}")


def read_port(call: Call) -> Answer:
    doc = call.server()
    return 200, {"port": views.port(doc, _port(call, doc))}


def update_port(call: Call) -> Answer:
    doc = call.server()
    row = _port(call, doc)
    row["nickname"] = fields.text(call.body, "nickname", 50)
    call.store.put(SERVER, doc)
    return 200, {"port": views.port(doc, row)}


def enable_port(call: Call) -> Answer:
    doc = call.unlocked()
    row = _port(call, doc)
    row["enabled"] = fields.flag(call.body, "enable")
    call.save(doc)
    return 200, {"port": views.port(doc, row)}


def assign_network(call: Call) -> Answer:
    doc, body = call.unlocked(), call.body
    row = _port(call, doc)
    mode = fields.word(body, "mode", ("access", "trunk"))
    internet = fields.word(body, "internet_type", (None, "common_subnet", "dedicated_subnet"))
    fields.required(body, "dedicated_subnet_id", "private_network_ids")
    subnet, networks = body["dedicated_subnet_id"], body["private_network_ids"] or []
    if internet == "dedicated_subnet" and row_of("dedicated_subnets", subnet) is None:
        invalid("dedicated_subnet_id", "does_not_exist", "専用グローバルネットワークがありません")
    for one in networks:
        if row_of("private_networks", one) is None:
            invalid("private_network_ids", "does_not_exist", f"{one} はありません")
    if mode == "access" and len(networks) + (internet is not None) > 1:
        invalid("non_field_errors", "inconsistent", "アクセスポートのネットワークは 1 つだけです")
    row |= {
        "mode": mode,
        "internet_type": internet,
        "dedicated_subnet_id": subnet if internet == "dedicated_subnet" else None,
        "private_network_ids": list(networks),
    }
    call.save(doc)
    return 200, {"port": views.port(doc, row)}


def traffic(call: Call) -> Answer:
    _port(call, call.server())
    return 200, {"traffic_graph": {"transmit": [], "receive": []}}


# Networks


def list_private_networks(call: Call) -> Answer:
    rows = [
        views.private_network(row, _in_private(call, row)) for row in data()["private_networks"]
    ]
    return _listed(call, "private_networks", rows)


def read_private_network(call: Call) -> Answer:
    row = row_of("private_networks", call.path["id"]) or refuse(404, "private network")
    return 200, {"private_network": views.private_network(row, _in_private(call, row))}


def _in_private(call: Call, row: dict[str, Any]) -> int:
    docs = call.store.all(SERVER)
    return sum(
        any(row["id"] in port["private_network_ids"] for port in doc["ports"]) for doc in docs
    )


def list_dedicated_subnets(call: Call) -> Answer:
    rows = [
        views.dedicated_subnet(row, _in_subnet(call, row)) for row in data()["dedicated_subnets"]
    ]
    return _listed(call, "dedicated_subnets", rows)


def read_dedicated_subnet(call: Call) -> Answer:
    row = row_of("dedicated_subnets", call.path["id"]) or refuse(404, "dedicated subnet")
    return 200, {"dedicated_subnet": views.dedicated_subnet(row, _in_subnet(call, row))}


def _in_subnet(call: Call, row: dict[str, Any]) -> int:
    docs = call.store.all(SERVER)
    return sum(
        any(row["id"] == port["dedicated_subnet_id"] for port in doc["ports"]) for doc in docs
    )


def _listed(call: Call, plural: str, rows: list[dict[str, Any]]) -> Answer:
    count, selected = fields.page(call.query, rows)
    return 200, {"meta": {"count": count}, plural: selected}


_SERVER = "servers/{id}"
TABLE: list[tuple[str, str, Callable[[Call], Answer]]] = [
    ("GET", "services", list_services),
    ("GET", "services/{id}", read_service),
    ("PATCH", "services/{id}", update_service),
    ("GET", "servers", list_servers),
    ("GET", _SERVER, read_server),
    ("GET", f"{_SERVER}/raid_status", raid_status),
    ("GET", f"{_SERVER}/os_images", list_images),
    ("POST", f"{_SERVER}/os_install", install),
    ("GET", f"{_SERVER}/power_status", power_status),
    ("POST", f"{_SERVER}/power_control", control_power),
    ("GET", f"{_SERVER}/port_channels/{{channel}}", read_channel),
    ("POST", f"{_SERVER}/port_channels/{{channel}}/configure_bonding", configure_bonding),
    ("GET", f"{_SERVER}/ports/{{port}}", read_port),
    ("PATCH", f"{_SERVER}/ports/{{port}}", update_port),
    ("GET", f"{_SERVER}/ports/{{port}}/traffic_graph", traffic),
    ("POST", f"{_SERVER}/ports/{{port}}/enable", enable_port),
    ("POST", f"{_SERVER}/ports/{{port}}/assign_network", assign_network),
    ("GET", "dedicated_subnets", list_dedicated_subnets),
    ("GET", "dedicated_subnets/{id}", read_dedicated_subnet),
    ("GET", "private_networks", list_private_networks),
    ("GET", "private_networks/{id}", read_private_network),
]
"""Method, path without its final slash, and handler: all of the API's calls."""
