"""The table of all calls of the API: method, path below api/cloud/1.1, and handler."""

from __future__ import annotations

from collections.abc import Callable

from kokunai.lab.sakura_iaas import (
    appliances,
    disks,
    interfaces,
    internet,
    keys,
    packet_filters,
    power,
    products,
    servers,
    switches,
)
from kokunai.lab.sakura_iaas.call import Call, Reply

Handler = Callable[[Call], Reply]

TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "auth-status", products.auth_status),
    ("GET", "public/price", products.list_prices),
    ("GET", "sshkey", keys.list_keys),
    ("POST", "sshkey", keys.create_key),
    ("GET", "sshkey/{id}", keys.read_key),
    ("PUT", "sshkey/{id}", keys.update_key),
    ("DELETE", "sshkey/{id}", keys.delete_key),
    ("GET", "note", keys.list_notes),
    ("POST", "note", keys.create_note),
    ("GET", "note/{id}", keys.read_note),
    ("PUT", "note/{id}", keys.update_note),
    ("DELETE", "note/{id}", keys.delete_note),
    ("GET", "switch", switches.list_switches),
    ("POST", "switch", switches.create_switch),
    ("GET", "switch/{id}", switches.read_switch),
    ("PUT", "switch/{id}", switches.update_switch),
    ("DELETE", "switch/{id}", switches.delete_switch),
    ("GET", "switch/{id}/server", switches.list_servers),
    ("GET", "internet", internet.list_routers),
    ("POST", "internet", internet.create_router),
    ("GET", "internet/{id}", internet.read_router),
    ("PUT", "internet/{id}", internet.update_router),
    ("DELETE", "internet/{id}", internet.delete_router),
    ("PUT", "internet/{id}/bandwidth", internet.change_bandwidth),
    ("GET", "packetfilter", packet_filters.list_filters),
    ("POST", "packetfilter", packet_filters.create_filter),
    ("GET", "packetfilter/{id}", packet_filters.read_filter),
    ("PUT", "packetfilter/{id}", packet_filters.update_filter),
    ("DELETE", "packetfilter/{id}", packet_filters.delete_filter),
    ("GET", "interface", interfaces.list_interfaces),
    ("POST", "interface", interfaces.create_interface),
    ("GET", "interface/{id}", interfaces.read_interface),
    ("PUT", "interface/{id}", interfaces.update_interface),
    ("DELETE", "interface/{id}", interfaces.delete_interface),
    ("PUT", "interface/{id}/to/switch/{switch}", interfaces.connect_switch),
    ("DELETE", "interface/{id}/to/switch", interfaces.disconnect_switch),
    ("PUT", "interface/{id}/to/packetfilter/{filter}", interfaces.connect_filter),
    ("DELETE", "interface/{id}/to/packetfilter", interfaces.disconnect_filter),
    ("GET", "disk", disks.list_disks),
    ("POST", "disk", disks.create_disk),
    ("GET", "disk/{id}", disks.read_disk),
    ("PUT", "disk/{id}", disks.update_disk),
    ("DELETE", "disk/{id}", disks.delete_disk),
    ("PUT", "disk/{id}/config", disks.configure),
    ("PUT", "disk/{id}/resize-partition", disks.resize_partition),
    ("PUT", "disk/{id}/to/server/{server}", disks.connect_server),
    ("DELETE", "disk/{id}/to/server", disks.disconnect_server),
    ("GET", "server", servers.list_servers),
    ("POST", "server", servers.create_server),
    ("GET", "server/{id}", servers.read_server),
    ("PUT", "server/{id}", servers.update_server),
    ("DELETE", "server/{id}", servers.delete_server),
    ("PUT", "server/{id}/plan", servers.change_plan),
    ("GET", "server/{id}/interface", interfaces.list_of_server),
    ("GET", "server/{id}/power", power.read_server_power),
    ("PUT", "server/{id}/power", power.boot_server),
    ("DELETE", "server/{id}/power", power.stop_server),
    ("PUT", "server/{id}/reset", power.reset_server),
    ("GET", "appliance", appliances.list_appliances),
    ("POST", "appliance", appliances.create_appliance),
    ("GET", "appliance/{id}", appliances.read_appliance),
    ("PUT", "appliance/{id}", appliances.update_appliance),
    ("DELETE", "appliance/{id}", appliances.delete_appliance),
    ("GET", "appliance/{id}/power", power.read_appliance_power),
    ("PUT", "appliance/{id}/power", power.boot_appliance),
    ("DELETE", "appliance/{id}/power", power.stop_appliance),
    ("PUT", "appliance/{id}/reset", power.reset_appliance),
]
for path, (single, plural, rows) in products.TABLES.items():
    TABLE.append(("GET", path, products.listing(plural, rows)))
    TABLE.append(("GET", f"{path}/{{id}}", products.reading(single, rows)))

PUBLIC_TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "public/price.json", products.public_prices),
]
"""Calls that need no key."""
