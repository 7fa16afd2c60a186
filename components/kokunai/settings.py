"""`StackSettings`: what all components of a stack share, such as data class and access."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi

from kokunai import key_files, model, own_address, playbooks, price_file, stack_file, user_paths
from kokunai.contracts import reading as contract_reading
from kokunai.errors import KokunaiError
from kokunai.program_errors import refuse_outputs, told_without_traceback
from kokunai_policy.project import stack_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kokunai.catalog import Offer, Service
    from kokunai.contracts import Contract
    from kokunai.declarations import Declarations


@dataclass(frozen=True)
class Key:
    """The stack's SSH key: the path of the private half, the text of the public one."""

    private_key_file: str
    public_key: str

    @property
    def key_id(self) -> str:
        """Start of a digest of what the public key is, its comment aside: shows a rotation."""
        return key_files.key_id(self.public_key)


class StackSettings:
    """What all components of a stack share; `StackSettings.from_config()` is their default.

    `access` and `hosts` hold the fields of `model.Access` and `model.Hosts`. `lab` must stand in
    the stack file under `kokunai:settings` too where a policy pack is used, which reads it there.
    `root` is the folder that the key's relative path starts from and that holds `policies/` and
    `playbooks/`, the folder of Pulumi.yaml where it is left out. `contracts` are contract files,
    relative to it. `secrets` are secret outputs by their configuration key. Raises KokunaiError
    with every mistake at once.
    """

    def __init__(
        self,
        *,
        name: str,
        data_class: str,
        access: Mapping[str, Any],
        hosts: Mapping[str, Any] | None = None,
        lab: bool = False,
        allow_data_loss: Sequence[str] = (),
        contracts: Sequence[str] = (),
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
    ) -> None:
        with told_without_traceback():
            given = {"name": name, "data_class": data_class, "access": access, "lab": lab}
            given |= {"allow_data_loss": list(allow_data_loss), "contracts": list(contracts)}
            given |= {"hosts": hosts} if hosts is not None else {}
            refuse_outputs(given, "StackSettings")
            spec = stack_file.read_settings(given, "StackSettings")
            self._adopt(spec, Path(root) if root else None, secrets)

    is_of_config = False

    def _adopt(
        self,
        spec: model.Settings,
        root: Path | None,
        secrets: Mapping[str, pulumi.Output[str]] | None,
        key: Key | None = None,
    ) -> None:
        self.spec = spec
        self.root = root or _project_root()
        self.prices = price_file.read(self.root)
        self.secrets = _known_secrets(secrets or {})
        self.contracts = contract_reading.read(self.root, spec.contracts)
        self.key = key or _key(spec.access, self.root)
        if key is None:
            _warn_of_lockout(spec)
        self.allowed_losses = tuple(sorted({*spec.allow_data_loss, *_configured_losses()}))
        self.parent: pulumi.Resource | None = None
        self.declarations: Declarations | None = None

    @classmethod
    def of(
        cls,
        spec: model.Settings,
        *,
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
        key: Key | None = None,
        is_of_config: bool = False,
    ) -> StackSettings:
        """Settings from a model that has been checked already; the key's files unless given.

        `is_of_config` says that they are those of the stack file, of which there is one.
        """
        made = cls.__new__(cls)
        made.is_of_config = is_of_config
        made._adopt(spec, root, secrets, key)  # noqa: SLF001 - of this very class
        return made

    @classmethod
    def from_config(cls) -> StackSettings:
        """What `kokunai:settings` of the running stack says, the same object at every call.

        Raises KokunaiError with every mistake at once.
        """
        run = pulumi.runtime.settings.get_monitor()
        if run not in _BY_RUN:
            config = pulumi.Config("kokunai")
            with told_without_traceback():
                spec = stack_file.read_settings(config_value(config, stack_file.SETTINGS_KEY))
                _BY_RUN[run] = cls.of(spec, secrets=secrets_of(config), is_of_config=True)
        return _BY_RUN[run]

    def contract(self, key: str | None) -> Contract | None:
        """The contract of this key, None without a key; mistakes were refused before."""
        return None if key is None else self.contracts[key]

    @functools.cached_property
    def playbook_digest(self) -> str:
        """Digest of the playbooks that a run would use; the files are read once a stack."""
        return playbooks.digest(self.root)

    def labels(self, sold: Offer | Service, **more: str) -> dict[str, str]:
        """Labels of a resource: how sensitive its data is, and who sells and runs it where."""
        labels = {
            "data-class": self.spec.data_class,
            "environment": self.spec.name,
            "offer": sold.key,
            "operator": sold.operator,
            "seller": sold.seller,
            "site": sold.site,
            **more,
        }
        return {**labels, "simulated": "true"} if self.spec.lab else labels


# Keyed by the connection to the engine, because one process may run several programs in turn.
_BY_RUN: WeakKeyDictionary[Any, StackSettings] = WeakKeyDictionary()


def config_value(config: pulumi.Config, key: str) -> Any:
    """Plain data of a configuration key; text that is no object is left for the model to refuse.

    Raises KokunaiError where the key is missing or secret.
    """
    if pulumi.runtime.is_config_secret(key):
        raise stack_file.secret_refusal(key)
    text = config.get(key.partition(":")[2])
    if text is None:
        raise stack_file.missing(f"Pulumi.{pulumi.get_stack()}.yaml", key)
    try:
        value = json.loads(text)
    # ValueError comes from numbers with thousands of digits, RecursionError from deep nesting.
    except (ValueError, RecursionError):
        return text
    root = pulumi.runtime.get_root_directory()
    written = stack_settings(Path(root) if root else None, pulumi.get_stack())
    stack_file.refuse_other_reading(written, key, value)
    return value


def secrets_of(config: pulumi.Config) -> dict[str, pulumi.Output[str]]:
    """Secret outputs by configuration key, as far as the stack file has them."""
    names = stack_file.secret_keys()
    return {name: value for name in names if (value := config.get_secret(name)) is not None}


def _configured_losses() -> list[str]:
    """Names under `kokunai:allowDataLoss`, which `pulumi config set` writes."""
    text = pulumi.Config("kokunai").get(model.LOSS_KEY) or ""
    return [name for name in re.split(r"[,、\s]+", text) if name]


def _known_secrets(
    given: Mapping[str, pulumi.Output[str]],
) -> dict[str, pulumi.Output[str]]:
    """A misspelt key would leave another account's credentials in force."""
    allowed = stack_file.secret_keys()
    if unknown := ", ".join(key for key in given if key not in allowed):
        names = ", ".join(allowed)
        raise KokunaiError(
            ja=f"StackSettings.secrets: {unknown} は知らないキーです。使えるキー: {names}",
            en=f"StackSettings.secrets: {unknown} is not a known key; allowed: {names}",
        )
    return dict(given)


def _project_root() -> Path:
    return Path(pulumi.runtime.get_root_directory())


def _warn_of_lockout(spec: model.Settings) -> None:
    """A preview warns where the nodes will not let this machine in; a jump host comes from afar."""
    if pulumi.runtime.is_dry_run() and not spec.access.ssh_config:
        said = own_address.warning(spec.access.ssh_from, lab=spec.lab)
        if said:
            pulumi.log.warn(said)


def _key(access: model.Access, root: Path) -> Key:
    """Both halves must be there, in a preview the public one: CI has no business with the other.

    A preview judges the private half where it is there, because later something was bought. In the
    place of the private half an agent may hold the key.
    """
    given = access.private_key_file
    private = user_paths.absolute(root, given)
    config = user_paths.absolute(root, access.ssh_config) if access.ssh_config else None
    if config:
        user_paths.require_file(config, "access.ssh_config")
    public = key_files.public_half(private)
    if pulumi.runtime.is_dry_run():
        if private.exists():
            key_files.judge(private, public, config)
    elif not private.exists() and not key_files.is_held(public, config):
        raise KokunaiError(
            ja=f"SSH 秘密鍵 {given} がありません（.pub はあります）。{private} に置くか、"
            f"{key_files.AGENTS[0]}",
            en=f"the SSH private key {given} is missing (its .pub is there); put it at {private}, "
            f"{key_files.AGENTS[1]}",
        )
    return Key(given, public)
