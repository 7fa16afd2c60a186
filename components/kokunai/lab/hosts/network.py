"""Connects hosts: bridges in one namespace, a port per interface, an uplink to the machine."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.hosts import filters, private_users, processes
from kokunai.lab.hosts.names import NAMESPACES, Names, bridge, port
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kokunai.lab.machines import FilterRule, Nic
    from kokunai.lab.places import Places

SHARED = "shared"
_UPLINK = "uplink"


class Network:
    """The bridges and ports of one lab; every method may be repeated."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._made: dict[str, int] = {}
        """By switch: inode of the namespace in which its bridge is known to exist."""

    def ensure_switch(self, switch_id: str) -> None:
        """Make the bridge of a switch, and for the shared one the uplink to the machine."""
        with self._locked():
            self._ensure_switch(switch_id)

    def _ensure_switch(self, switch_id: str) -> None:
        number = self._ensure_lab()
        if self._made.get(switch_id) == number:
            return
        self._ensure_bridge(bridge(switch_id))
        if switch_id == SHARED:
            self._ensure_uplink()
        self._made[switch_id] = number

    def remove_switch(self, switch_id: str) -> None:
        """Remove the bridge; absent is success."""
        self._made.pop(switch_id, None)
        if processes.inode(self._names.lab) is not None:
            run("ip", "-n", self._names.lab, "link", "delete", bridge(switch_id), check=False)

    def connect(
        self, namespace: str, nics: tuple[Nic, ...], *, has_private_users: bool = False
    ) -> None:
        """Make a namespace with one interface per NIC; each gets its filter before it is up."""
        with self._locked():
            self._ensure_lab()
            for switch_id in {nic.switch_id for nic in nics if nic.switch_id}:
                self._ensure_switch(switch_id)
            if has_private_users and processes.inode(namespace) is None:
                remove_namespace(namespace)
                private_users.add_namespace(namespace)
            _add_namespace(namespace)
        for nic in nics:
            if nic.filter_rules is not None:
                self.filter(nic.interface_id, nic.filter_rules)
        lines = [
            line for number, nic in enumerate(nics) for line in _wiring(namespace, number, nic)
        ]
        run("ip", "-n", self._names.lab, "-batch", "-", text="\n".join(lines))

    def disconnect(self, namespace: str, interface_ids: list[str]) -> None:
        """Remove a namespace and its ports; what is absent stays absent."""
        if interface_ids and processes.inode(self._names.lab) is not None:
            lines = [f"link delete {port(interface_id)}" for interface_id in interface_ids]
            batch = ("-force", "-batch", "-")
            run("ip", "-n", self._names.lab, *batch, text="\n".join(lines), check=False)
            chains = [filters.chain(port(interface_id), None) for interface_id in interface_ids]
            self._load("".join(chains))
        remove_namespace(namespace)

    def has_port(self, interface_id: str) -> bool:
        """Whether the port of an interface exists."""
        shown = run("ip", "-n", self._names.lab, "link", "show", port(interface_id), check=False)
        return shown.returncode == 0

    def filter(self, interface_id: str, rules: tuple[FilterRule, ...] | None) -> None:
        """Enforce the rules on the way to an interface at once."""
        try:
            text = filters.chain(port(interface_id), rules)
        except KeyError as error:
            raise KokunaiError(
                ja=f"パケットフィルターの値 {error} は無効です。",
                en=f"packet filter: {error} is not known.",
            ) from error
        self._load(text)

    def _load(self, text: str) -> None:
        run("nsenter", f"--net={NAMESPACES / self._names.lab}", "nft", "-f", "-", text=text)

    def tear_down(self) -> None:
        """Remove the uplink and every namespace of the lab; their processes must be gone."""
        self._made.clear()
        run("ip", "link", "delete", self._names.uplink, check=False)
        run("nft", "delete", "table", "inet", self._names.uplink, check=False)
        for name in self.namespaces():
            remove_namespace(name)

    def tear_down_if_unused(self, clean: Callable[[], None]) -> None:
        """Remove everything, and call `clean`, unless a host, file server or switch is left."""
        with self._locked():
            if self.namespaces() == [self._names.lab] and not self._bridges() - {bridge(SHARED)}:
                self.tear_down()
                clean()

    def _bridges(self) -> set[str]:
        command = ("ip", "-n", self._names.lab, "-json", "link", "show", "type", "bridge")
        shown = run(*command, check=False)
        return {str(link["ifname"]) for link in json.loads(shown.stdout or "[]")}

    def namespaces(self) -> list[str]:
        """Every namespace name of the lab, its own last."""
        paths = NAMESPACES.glob(f"{self._names.lab}-*") if NAMESPACES.is_dir() else ()
        return [*sorted(path.name for path in paths), self._names.lab]

    def _ensure_lab(self) -> int:
        _add_namespace(self._names.lab)
        return processes.inode(self._names.lab) or 0

    def _ensure_bridge(self, name: str) -> None:
        namespace = self._names.lab
        if run("ip", "-n", namespace, "link", "show", name, check=False).returncode != 0:
            run("ip", "-n", namespace, "link", "add", name, "type", "bridge")
        run("ip", "-n", namespace, "link", "set", name, "up")

    def _ensure_uplink(self) -> None:
        names, places = self._names, self._names.places
        if run("ip", "link", "show", names.uplink, check=False).returncode != 0:
            _refuse_taken(places)
            peer = ("peer", "name", _UPLINK, "netns", names.lab)
            run("ip", "link", "add", names.uplink, "type", "veth", *peer)
        shared = bridge(SHARED)
        run("ip", "-n", names.lab, "link", "set", _UPLINK, "master", shared, "up")
        length = places.shared_network.prefixlen
        run("ip", "address", "replace", f"{places.machine_address}/{length}", "dev", names.uplink)
        # Before it is up, so that no packet of a host passes unseen.
        run("nft", "-f", "-", text=filters.uplink(names.uplink))
        run("ip", "link", "set", names.uplink, "up")
        self._ensure_edge(f"{places.gateway}/{length}")

    def _ensure_edge(self, address: str) -> None:
        """Make the gateway; it refuses all packets, so that programs that call out do not hang."""
        lab = self._names.lab
        run("ip", "-n", lab, "address", "replace", address, "dev", bridge(SHARED))
        run("ip", "-n", lab, "route", "replace", "unreachable", "default")
        # No limit on ICMP: the kernel would answer only one packet per second, and a resolver,
        # which asks several servers at once, would wait for the other answers.
        settings = "cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 0 >icmp_ratelimit"
        run("ip", "netns", "exec", lab, "sh", "-c", settings)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._names.hosts.mkdir(parents=True, exist_ok=True)
        with (self._names.hosts / "network.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def interface_in_the_way(places: Places) -> str:
    """An interface of another owner whose network overlaps the shared segment, or empty."""
    for link in json.loads(run("ip", "-json", "-4", "address").stdout):
        for address in link.get("addr_info", ()):
            text = f"{address['local']}/{address['prefixlen']}"
            taken = ipaddress.IPv4Interface(text).network.overlaps(places.shared_network)
            if taken and link["ifname"] != places.namespace:
                return str(link["ifname"])
    return ""


def remove_namespace(name: str) -> None:
    """Remove a namespace by name, also the empty file that a crash leaves in its place."""
    path = NAMESPACES / name
    if path.exists() and run("ip", "netns", "delete", name, check=False).returncode != 0:
        path.unlink(missing_ok=True)


def _add_namespace(name: str) -> None:
    if processes.inode(name) is None:
        remove_namespace(name)
        run("ip", "netns", "add", name)


def _wiring(namespace: str, number: int, nic: Nic) -> Iterator[str]:
    name = port(nic.interface_id)
    hardware = f"address {nic.mac_address}" if nic.mac_address else ""
    peer = f"peer name {nic.named(number)} {hardware} netns {namespace}"
    yield f"link add {name} type veth {peer}"
    if nic.switch_id:
        yield f"link set {name} master {bridge(nic.switch_id)}"
    yield f"link set {name} up"


def _refuse_taken(places: Places) -> None:
    if other := interface_in_the_way(places):
        network = places.shared_network
        raise KokunaiError(
            ja=f"{network} は {other} で使用中です。別の slot を使ってください。",
            en=f"{network} is in use on {other}; choose another slot.",
        )
