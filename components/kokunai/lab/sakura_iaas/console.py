"""Handlers for a server's drive and screen, and refusals of what the lab's hosts do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, provider_data
from kokunai.lab.sakura_iaas.call import Call, Reply, done
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from collections.abc import Callable


def _known_image(call: Call, image_id: str) -> str:
    if image_id not in [image["ID"] for image in provider_data.cdroms(call.zone)]:
        refuse("param_res_not_found", f"cdrom {image_id}")
    return image_id


def insert_cdrom(call: Call) -> Reply:
    """PUT server/{id}/cdrom: shown at the server; the host itself has no drive."""
    server = call.path_document("server")
    image_id = _known_image(call, fields.reference(call.body, "CDROM"))
    if server.get("cdrom_id"):
        refuse("cdrom_in_use", server["id"])
    call.save("server", {**server, "cdrom_id": image_id})
    return done()


def eject_cdrom(call: Call) -> Reply:
    """DELETE server/{id}/cdrom."""
    server = call.path_document("server")
    if not server.get("cdrom_id"):
        refuse("missing_iso_image", server["id"])
    call.save("server", {**server, "cdrom_id": ""})
    return done()


def vnc_proxy(call: Call) -> Reply:
    """GET server/{id}/vnc/proxy: names that lead nowhere, because the hosts have no screen."""
    server = call.path_document("server")
    if server["status"] != "up":
        refuse("server_power_must_be_up", server["id"])
    host = f"no-screen-in-the-{server['zone']}-lab.invalid"
    answer = {
        "Status": "unavailable",
        "Host": host,
        "IOServerHost": host,
        "Port": "5900",
        "Password": "lab-dummy-password",
        "VNCFile": f"[connection]\nhost={host}\nport=5900\n",
    }
    return Reply(200, {**answer, "is_ok": True})


def absent(ja: str, en: str) -> Callable[[Call], Reply]:
    """A handler that refuses by name what the real API does and the lab does not."""

    def refuse_it(_: Call) -> Reply:
        refuse_as_absent(ja, en)

    return refuse_it
