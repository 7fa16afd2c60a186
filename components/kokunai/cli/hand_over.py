"""`kokunai lab hand-over`: the lab plays the operator and writes the contract file."""

from __future__ import annotations

import http.client
import json
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import yaml

from kokunai import yaml_reader
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.lab.credentials import credentials_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kokunai.lab.places import Places

_PATH = "/contract-hosts/hosts"
_BOOT_SECONDS = 240.0
_LOOK_SECONDS = 0.3
_OF_ALL = ("hosts", "contract", "row")
_HEAD = (
    "# ラボの模擬ホストの契約です。実在の契約ではありません。\n"
    "# SIMULATION: hosts of the kokunai lab, no real contract.\n"
)


def deliver(places: Places, description: Path, public_key: str) -> str:
    """Start what the description asks for, and return the text of the contract file.

    Raises KokunaiError for a mistake in the description or a host that does not start.
    """
    given = _read(description)
    body = {"hosts": given["hosts"], "ssh_public_keys": [public_key]}
    status, answer = _call(places, "POST", body)
    if status != 201:
        raise _refused(description, answer)
    hosts = _when_up(places, set(answer["names"]))
    key, row = str(given.get("contract") or "lab"), dict(given.get("row") or {})
    contract = {**_defaults(places, hosts), **row, "hosts": [_host(host) for host in hosts]}
    return _HEAD + yaml.safe_dump({"contracts": {key: contract}}, sort_keys=False)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml_reader.read(path)
    except (OSError, yaml_reader.NotYaml) as error:
        raise KokunaiError(
            ja=f"{path} を読めません: {error}", en=f"{path} cannot be read: {error}"
        ) from None
    unknown = sorted(set(content) - set(_OF_ALL)) if isinstance(content, dict) else []
    if not isinstance(content, dict) or "hosts" not in content or unknown:
        raise KokunaiError(
            ja=f"{path} には hosts（必須）、contract（キー）、row（契約の行）を書いてください",
            en=f"{path} must hold hosts, and may hold contract (its key) and row (its other keys)",
        )
    return content


def _defaults(places: Places, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    network = {"cidr": str(places.shared_network), "access": "internet", "interface": "eth0"}
    today = datetime.now(timezone(timedelta(hours=9))).date().isoformat()
    return {
        "state": "delivered",
        "delivered_on": today,
        "user": hosts[0]["user"],
        "networks": {"shared": network},
    }


def _host(host: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("name", "address", "host_key", "rack", "tray")
    return {key: host[key] for key in keys if host[key] not in {"", None}}


def _when_up(places: Places, names: set[str]) -> list[dict[str, Any]]:
    """The hosts once all of them are on and have a key."""
    deadline = time.monotonic() + _BOOT_SECONDS
    while True:
        _, answer = _call(places, "GET")
        hosts = [host for host in answer.get("hosts", []) if host["name"] in names]
        if failed := next((host for host in hosts if host["problem"]), None):
            raise KokunaiError(
                ja=f"{failed['name']} が起動しません: {failed['problem']}",
                en=f"{failed['name']} does not start: {failed['problem']}",
            )
        if all(host["status"] == "up" and host["host_key"] for host in hosts):
            return hosts
        if time.monotonic() > deadline:
            raise KokunaiError(
                ja="ホストが起動しません。kokunai lab status を確かめてください（種類が none の"
                "ラボではホストは起動しません）",
                en="the hosts do not start; see `kokunai lab status` (a lab of kind none has none)",
            )
        time.sleep(_LOOK_SECONDS)


def _refused(path: Path, answer: Mapping[str, Any]) -> KokunaiError:
    rows = answer.get("problems") or [{"path": "", "ja": answer, "en": answer}]
    ja = "\n".join(f"  {path} {row['path']}: {shown(row['ja'])}" for row in rows)
    en = "\n".join(f"  {path} {row['path']}: {shown(row['en'])}" for row in rows)
    return KokunaiError(
        ja=f"ホストの記述に誤りがあります。\n{ja}", en=f"the description of hosts is wrong:\n{en}"
    )


def _call(places: Places, method: str, body: object = None) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", places.port, timeout=30)
    headers = {"Authorization": credentials_of(places).header, "Content-Type": "application/json"}
    try:
        connection.request(method, _PATH, json.dumps(body) if body else None, headers)
        reply = connection.getresponse()
        return reply.status, dict(json.loads(reply.read()))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise KokunaiError(
            ja=f"ラボから応答がありません。先に kokunai lab up を実行してください: {error}",
            en=f"the lab does not answer; run `kokunai lab up` first: {error}",
        ) from None
    finally:
        connection.close()
