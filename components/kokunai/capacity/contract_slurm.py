"""GPUs of a Slurm cluster that a contract lets us log in to: verified, and never configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai import model
from kokunai.contracts import pairing
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Link, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai import catalog, resolved
    from kokunai.capacity import Host
    from kokunai.contracts import Contract, Slurm
    from kokunai.contracts import Host as Handed
    from kokunai.settings import StackSettings

DRIVER = pairing.SLURM_DRIVER
_CLUSTER = "kokunai:contract:SlurmCluster"
_CHOSEN_IMAGE = model.GpuNodePool.model_fields["image"].default


class SlurmByContract:
    """The door of the driver `contract-slurm`."""

    def problems(
        self, pool: model.GpuNodePool, offer: catalog.Offer, network: model.Network | None
    ) -> Iterator[Problem]:
        """A pool says by which contract it is had; the cluster's network and system are fixed."""
        if pool.contract is None:
            yield Problem(
                "contract",
                f"{offer.key} は契約で調達します。契約ファイルの行のキーを書いてください",
                f"{offer.key} is had by a contract; write the key of its row in a contract file",
            )
        if network is not None:
            yield Problem(
                "network",
                f"{offer.key} は Slurm クラスターです。ネットワークにはつなげないので、"
                "network を消してください",
                f"{offer.key} is a Slurm cluster, which joins no network; leave network out",
            )
        if pool.image != _CHOSEN_IMAGE:
            yield Problem(
                "image",
                f"{offer.key} は Slurm クラスターです。OS は選べないので、image を消してください",
                f"{offer.key} is a Slurm cluster, whose system cannot be chosen; leave image out",
            )

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:  # noqa: ARG002
        """Nothing: the seller's portal has registered the key."""
        return []

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """The cluster, which runs one job as large as the pool; nothing while it is not in use."""
        found = _login(pool)
        if found is None:
            return []
        contract, slurm, login = found
        return [
            Part(
                _CLUSTER,
                pool.spec.name,
                {
                    "site": pool.offer.site,
                    "labels": settings.labels(pool.offer, pool=pool.spec.name),
                    "pool": pool.spec.name,
                    **_reached(login, contract, settings),
                    **slurm.inputs(),
                    "nodeCount": len(pool.nodes),
                    "gpusPerNode": pool.offer.gpu_count,
                    "gpuModel": pool.gpu.name,
                },
                wanted=("verified",),
                former_name=pool.spec.was,
                # The job may wait in the queue before it is looked at.
                timeout_seconds=pool.spec.order_timeout_seconds + slurm.queue_seconds,
            )
        ]

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:  # noqa: ARG002
        """None: its machines are the seller's, and nobody has root on them."""
        return []

    def verified(self, pool: resolved.Pool) -> dict[str, Link]:
        """The verdicts of the cluster, under the pool's name."""
        parts = {pool.spec.name: Link(_CLUSTER, pool.spec.name, "verified")}
        return parts if _login(pool) else {}

    def collective_interface(self, pool: resolved.Pool) -> str:
        """Raises KokunaiError: Slurm's nodes reach each other as their operator has set them up."""
        raise KokunaiError(
            ja=f"プール {pool.spec.name} は Slurm クラスターで、インターフェースは選べません",
            en=f"pool {pool.spec.name} is a Slurm cluster, whose interfaces are not ours to choose",
        )


DOOR = SlurmByContract()


def _login(pool: resolved.Pool) -> tuple[Contract, Slurm, Handed] | None:
    """The contract with its login node; None while there is nothing to log in to."""
    contract = pool.contract
    if contract is None or contract.row.slurm is None or not contract.hosts or not pool.nodes:
        return None
    return contract, contract.row.slurm, contract.hosts[0]


def _reached(login: Handed, contract: Contract, settings: StackSettings) -> dict[str, Any]:
    """How its login node is reached."""
    return {
        "address": login.address,
        "port": login.port,
        "user": contract.row.user,
        "hostKey": login.host_key,
        "privateKeyFile": settings.key.private_key_file,
        "keyId": settings.key.key_id,
        "sshConfigFile": settings.spec.access.ssh_config or "",
    }
