"""What the API shows of a dedicated server, as inputs and as outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.plugin.kind import OWNED_BY
from kokunai.plugin.sakura.dedicated import mark as marks
from kokunai.plugin.sakura.dedicated import ports

if TYPE_CHECKING:
    from kokunai.drivers.sakura_phy_views import Server, Service
    from kokunai.plugin.kind import Props

_DEFAULTS: dict[str, object] = {
    "serviceId": "",
    "model": "",
    "tag": "",
    "loginUser": "",
    "exceptServices": [],
    "storageGib": 0,
    "paidUntil": "",
    "forceShutdown": False,
}
"""What neither the API nor the mark keeps: an import has nothing to say about it."""


def inputs(service: Service, server: Server, given: Props) -> Props:
    """Every input: networks from the API, the rest from the mark, and what was given before."""
    mark = marks.read(service)
    kept = {name: given.get(name, default) for name, default in _DEFAULTS.items()}
    governed = {"site": mark.site, "labels": mark.labels} if mark.site else {}
    owned = {OWNED_BY: mark.owner} if mark.owner else {}
    keys = {"sshPublicKeys": given["sshPublicKeys"]} if "sshPublicKeys" in given else {}
    return {
        **governed,
        **owned,
        **keys,
        "name": mark.name or given.get("name", service.nickname),
        **kept,
        "reinstall": given.get("reinstall", bool(mark.installation)),
        "osImage": mark.image or given.get("osImage", ""),
        **ports.view(server, str(given.get("linkSpeed") or "10gbe")),
    }


def computed(service: Service, server: Server | None) -> Props:
    """The outputs; those of the server are left out where it was not looked at."""
    mark = marks.read(service)
    identity = f"{service.service_id}-{mark.installation}" if mark.installation else ""
    told = "done" if mark.is_installed else "begun" if mark.installation else "none"
    of_service = {
        "hostIdentity": identity or service.service_id,
        "nickname": service.nickname,
        "planName": service.plan.name if service.plan else "",
        "activated": service.activated,
        "installation": told,
    }
    if server is None:
        return of_service
    power = server.cached_power_status
    return {
        **of_service,
        "address": server.ipv4.ip_address if server.ipv4 else "",
        "powerStatus": power.status if power else "",
    }
