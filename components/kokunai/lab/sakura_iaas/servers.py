"""Handlers for servers, whose id changes with their plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import disks, fields, interfaces, labels, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse
from kokunai.lab.sakura_iaas.power_states import new_power

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_DRIVERS = ("virtio", "e1000")


def list_servers(call: Call) -> Reply:
    """GET server."""
    docs = call.store.all("server", call.zone)
    return page(call, "Servers", [views.server(call.cloud, doc) for doc in docs])


def read_server(call: Call) -> Reply:
    """GET server/{id}."""
    return single("Server", views.server(call.cloud, call.path_document("server")))


def find_plan(call: Call, wanted: fields.Body) -> provider_data.Row:
    """The newest plan that matches the body. Raises 400 when the zone sells none."""
    plan_id = fields.identifier(wanted.get("ID"))
    numbers = {
        "CPU": fields.integer(wanted, "CPU"),
        "MemoryMB": fields.integer(wanted, "MemoryMB"),
        "Generation": fields.integer(wanted, "Generation"),
    }
    words = {name: fields.text(wanted, name) for name in ("GPUModel", "CPUModel")}
    asked = {name: value for name, value in {**numbers, **words}.items() if value}
    # Without these two no plan is meant, and none has 0 of them.
    asked |= {name: numbers[name] for name in ("CPU", "MemoryMB")}
    asked["Commitment"] = fields.text(wanted, "Commitment") or "standard"
    asked["GPU"] = fields.integer(wanted, "GPU")
    asked["ConfidentialVM"] = fields.flag(wanted, "ConfidentialVM")
    plans = [
        plan
        for plan in provider_data.server_plans(call.zone)
        if str(plan["ID"]) == plan_id or (not plan_id and _has(plan, asked))
    ]
    if not plans:
        refuse("param_res_not_found", f"ServerPlan {plan_id or asked}")
    return max(plans, key=_generation)


def _generation(plan: provider_data.Row) -> int:
    return int(plan["Generation"])


def _has(plan: provider_data.Row, asked: dict[str, Any]) -> bool:
    return all(plan[name] == value for name, value in asked.items())


def _driver(body: fields.Body, default: str = "virtio") -> str:
    value = fields.text(body, "InterfaceDriver") or default
    if value not in _DRIVERS:
        refuse("invalid_format", f"InterfaceDriver: {', '.join(_DRIVERS)}")
    return value


def _segment(entry: Any) -> str:
    """The segment of an entry of ConnectedSwitches; null is an unconnected interface."""
    if entry is None:
        return ""
    if not isinstance(entry, dict):
        refuse("invalid_format", "ConnectedSwitches")
    if entry.get("Scope") == "shared":
        return "shared"
    switch_id = fields.identifier(entry.get("ID"))
    if not switch_id:
        refuse("missing_param", "ConnectedSwitches.ID")
    return switch_id


def _segments(body: fields.Body) -> list[str]:
    """One segment an interface; InterfaceNum counts those beyond ConnectedSwitches, too."""
    segments = [_segment(entry) for entry in fields.listing(body, "ConnectedSwitches")]
    count = fields.integer(body, "InterfaceNum")
    if not 0 <= count <= interfaces.NIC_COUNT:
        refuse("invalid_range", f"InterfaceNum <= {interfaces.NIC_COUNT}")
    return segments + [""] * (count - len(segments))


def _refuse_private_host(body: fields.Body) -> None:
    host_id = fields.reference(body, "PrivateHost")
    if host_id:
        refuse("param_res_not_found", f"privatehost {host_id}")


def create_server(call: Call) -> Reply:
    """POST server."""
    body = fields.section(call.body, "Server")
    _refuse_private_host(body)
    doc = call.new(
        **labels.fresh(call, body),
        host_name=fields.text(body, "HostName", length=64),
        interface_driver=_driver(body),
        plan=find_plan(call, fields.section(body, "ServerPlan")),
        wait_disk_migration=fields.flag(body, "WaitDiskMigration"),
        **new_power(),
    )
    call.save("server", doc)
    for segment in _segments(body):
        interfaces.add(call, doc, segment)
    return created("Server", views.server(call.cloud, doc))


def update_server(call: Call) -> Reply:
    """PUT server/{id}."""
    doc, body = call.path_document("server"), fields.section(call.body, "Server")
    labels.update(call, doc, body)
    _refuse_private_host(body)
    doc["interface_driver"] = _driver(body, doc["interface_driver"])
    if "WaitDiskMigration" in body:
        doc["wait_disk_migration"] = fields.flag(body, "WaitDiskMigration")
    return changed("Server", views.server(call.cloud, call.save("server", doc)))


def _mine_and_off(call: Call) -> Doc:
    doc = call.path_document("server")
    if doc["status"] == "cleaning":
        refuse("server_is_cleaning", doc["id"])
    if doc["status"] != "down" or doc["wanted"] != "down":
        refuse("server_power_must_be_down", doc["id"])
    return doc


def _with_disks(call: Call, attached: list[Doc]) -> set[str]:
    """Ids of the disks to delete: those in WithDisk, or all where it is true."""
    given = call.body.get("WithDisk")
    if isinstance(given, bool):
        return {disk["id"] for disk in attached} if given else set()
    return {fields.identifier(each) for each in fields.listing(call.body, "WithDisk")}


def delete_server(call: Call) -> Reply:
    """DELETE server/{id}: deletes the disks in WithDisk, too, and disconnects the others."""
    doc = _mine_and_off(call)
    attached = call.store.of_server("disk", doc["id"])
    wanted = _with_disks(call, attached)
    for disk_id in wanted - {disk["id"] for disk in attached}:
        call.body_document("disk", disk_id)
        refuse("param_res_not_found", f"WithDisk {disk_id}")
    for disk in attached:
        if disk["id"] in wanted:
            disks.refuse_while_copying(disk)
    call.enqueue(f"server-{doc['id']}", "remove_machine", doc["id"])
    for disk in attached:
        if disk["id"] in wanted:
            disks.remove(call, disk)
        else:
            disk.update(server_id="", connection_order=0)
            call.save("disk", disk)
    for nic in call.store.of_server("interface", doc["id"]):
        call.store.delete(nic["id"])
    call.store.delete(doc["id"])
    return done()


def change_plan(call: Call) -> Reply:
    """PUT server/{id}/plan and server/{id}/to/plan/{plan}: another plan and another id."""
    doc = _mine_and_off(call)
    wanted = {"ID": call.path["plan"]} if "plan" in call.path else call.body
    plan, old_id = find_plan(call, wanted), doc["id"]
    call.store.delete(old_id)
    doc.update(id=call.store.new_id(), plan=plan)
    call.save("server", doc)
    for kind in ("disk", "interface"):
        for part in call.store.of_server(kind, old_id):
            part["server_id"] = doc["id"]
            call.save(kind, part)
    call.enqueue(f"server-{old_id}", "remove_machine", old_id)
    return changed("Server", views.server(call.cloud, doc))
