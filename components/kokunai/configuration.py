"""The component `NodeConfiguration`: runs the playbooks on a pool when something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import capacity, declarations, role_variables, storage, verdict_counts
from kokunai.catalog import platforms
from kokunai.language import worded
from kokunai.node_pool import GpuNodePool
from kokunai.parts import Hidden, Part
from kokunai.program_errors import expect, told_without_traceback
from kokunai.stack_file import HOST_SECRETS

if TYPE_CHECKING:
    from kokunai import model, resolved, resources
    from kokunai.capacity import Host
    from kokunai.catalog import Image
    from kokunai.settings import StackSettings

_CONFIGURATION = "kokunai:ansible:Configuration"


class NodeConfiguration(pulumi.ComponentResource):
    """The nodes of a pool, configured and verified.

    Raises KokunaiError, before anything is declared, for what is refused by the domestic-data
    rules.
    """

    verified: pulumi.Output[dict[str, Any]]
    """Verdict of every check by node: `pass`, `fail` or `not-verified`, with its reason."""
    verdicts: pulumi.Output[str]
    """How many checks ended how, short enough for an output of the stack."""

    def __init__(
        self,
        name: str,
        *,
        pool: GpuNodePool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`pool` names the nodes, and its settings say what the roles are told."""
        with told_without_traceback():
            expect(pool, GpuNodePool, f'NodeConfiguration("{name}").pool')
            stack = declarations.of(pool.settings)
            stack.judge(parts := parts_of(name, pool.resolved, pool.settings))
            merged = stack.options(opts, pool.resolved.spec.was)
        super().__init__("kokunai:index:NodeConfiguration", name, None, merged)
        shares = [storage.parts_of(share, pool.settings) for share in pool.resolved.shares]
        # A mount fails until the file server is there, and its address is known before that.
        first = [made for group in shares for made in stack.made(group)]
        inside = pulumi.ResourceOptions(parent=self, depends_on=first)
        runs = stack.declare(parts, inside)
        self.verified = _verified(runs, pool, self)
        self.verdicts = self.verified.apply(verdict_counts.digest)
        self.register_outputs({"verdicts": self.verdicts})


def parts_of(name: str, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
    """What will be declared: one run over all hosts of the pool, nothing while there are none.

    Nothing either where somebody else configures them.
    """
    if not pool.is_there or capacity.managed(pool.offer.driver):
        return []
    hosts = capacity.door(pool.offer.driver).hosts(pool, settings)
    props: dict[str, Any] = {
        "site": pool.offer.site,
        "labels": settings.labels(pool.offer, pool=pool.spec.name),
        "pool": pool.spec.name,
        "roleDigest": settings.playbook_digest,
        "variables": pool_variables(pool, settings),
        "privateKeyFile": settings.key.private_key_file,
        "keyId": settings.key.key_id,
        "hosts": [_host(host, _imex_nodes(host, hosts, pool), settings) for host in hosts],
    }
    if settings.spec.access.ssh_config:
        props["sshConfigFile"] = settings.spec.access.ssh_config
    if pool.shares:
        # Another id is another, empty share behind the same address: its mounts are stale.
        props["shareIds"] = [storage.link(share, settings) for share in pool.shares]
    secrets = {
        variable: Hidden(settings.secrets[key])
        for key, variable in HOST_SECRETS.items()
        if key in settings.secrets
    }
    if secrets:
        props["secretVariables"] = secrets
    was = pool.spec.was
    return [Part(_CONFIGURATION, name, props, wanted=("verified",), former_name=was, owned=False)]


def _verified(
    runs: list[resources.Kind], pool: GpuNodePool, resource: pulumi.Resource
) -> pulumi.Output[dict[str, Any]]:
    """The verdicts of the run, or those that a driver has of what somebody else configures."""
    if runs:
        return runs[0].output("verified")
    managed = capacity.managed(pool.resolved.offer.driver)
    links = managed.verified(pool.resolved) if managed else {}
    if not links:
        return pulumi.Output.from_input({})
    pulumi.log.info(worded(*_not_configured(pool.resolved.spec.name)), resource)
    told = pulumi.Output.all(**declarations.of(pool.settings).linked(links))
    return told.apply(lambda found: {name: checks or {} for name, checks in found.items()})


def _not_configured(pool: str) -> tuple[str, str]:
    ja = f"プール {pool}: Ansible では構成しません。事業者が管理するノードを検証するだけです"
    return ja, f"pool {pool}: Ansible configures nothing; the seller's nodes are only verified"


def pool_variables(pool: resolved.Pool, settings: StackSettings) -> dict[str, Any]:
    """Variables of the roles that are the same for all nodes of a pool."""
    hosts, meeting = settings.spec.hosts, capacity.collective_network(pool)
    facts = role_variables.PoolFacts(
        platform=platforms.platform(pool.offer.platform),
        ntp_servers=tuple(hosts.ntp_servers),
        dns_servers=tuple(hosts.dns_servers or pool.site.name_servers),
        package_sources=tuple(_source(row, pool.image) for row in hosts.package_sources),
        gpu_count=pool.offer.gpu_count,
        gpu_vendor_id=pool.gpu.pci_vendor_id,
        collective_interface=capacity.door(pool.offer.driver).collective_interface(pool),
        shares=tuple(_share(share) for share in pool.shares),
        firewall=hosts.firewall,
        ssh_from=tuple(settings.spec.access.ssh_from),
        open_ports=tuple(map(_open_port, settings.spec.access.open_ports)),
        private_networks=(meeting,) if meeting else (),
    )
    return role_variables.pool_variables(facts)


def _source(source: model.PackageSource, image: Image) -> dict[str, Any]:
    keyring = f"/usr/share/keyrings/{image.distribution}-archive-keyring.gpg"
    return {**source.model_dump(), "signed_by": source.signed_by or keyring}


def _open_port(row: model.OpenPort) -> role_variables.OpenPort:
    is_range = row.last_port not in {None, row.port}
    ports = f"{row.port}-{row.last_port}" if is_range else str(row.port)
    return role_variables.OpenPort(row.protocol, ports, tuple(row.allow_from))


def _share(share: resolved.Share) -> role_variables.Share:
    return role_variables.Share(
        name=share.spec.name,
        address=share.address,
        export=capacity.networks(share.network.service.driver).export(share),
        mount=share.spec.mount,
    )


def _imex_nodes(of: Host, hosts: list[Host], pool: resolved.Pool) -> list[Any]:
    """Where the nodes in the rack of one reach each other; empty where it is a domain by itself."""
    if of.domain is None:
        return []
    private = {node.name: node.address for node in pool.nodes}
    return [private[host.node] or host.address for host in hosts if host.domain == of.domain]


def _host(host: Host, imex_nodes: list[Any], settings: StackSettings) -> dict[str, Any]:
    addresses = [
        {"interface": interface.name, "address": interface.address}
        for interface in host.interfaces
        if interface.address is not None
    ]
    return {
        "name": host.node,
        "address": host.address,
        "serverId": host.identity,
        "user": host.user,
        **({"diskConfigId": host.disk_config_id} if host.disk_config_id is not None else {}),
        **({"hostKey": host.host_key} if host.host_key is not None else {}),
        **_reached(host),
        "variables": role_variables.node_variables(
            host_name=f"{settings.spec.name}-{host.node}",
            addresses=addresses,
            imex_nodes=imex_nodes,
        ),
    }


def _reached(host: Host) -> dict[str, Any]:
    """How the host is reached where that differs from the usual."""
    port = host.port if host.port != 22 else None
    given = {"port": port, "jump": host.jump, "jumpKey": host.jump_key, "owner": host.owner}
    return {key: value for key, value in given.items() if value is not None}
