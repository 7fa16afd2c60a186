"""`StackSettings`: what all components of a stack share, such as data class and access."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi

from kokunai import model, playbooks, stack_file
from kokunai.errors import KokunaiError
from kokunai.program_errors import refuse_outputs, told_without_traceback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.catalog import Offer, Service
    from kokunai.declarations import Declarations


@dataclass(frozen=True)
class Key:
    """The stack's SSH key: the path of the private half, the text of the public one."""

    private_key_file: str
    public_key: str

    @property
    def key_id(self) -> str:
        """First 12 hexadecimal digits of the public key's SHA-256: shows a rotation."""
        return hashlib.sha256(self.public_key.encode()).hexdigest()[:12]


class StackSettings:
    """What all components of a stack share; `StackSettings.from_config()` is their default.

    `access` and `hosts` hold the fields of `model.Access` and `model.Hosts`. `lab` must stand in
    the stack file under `kokunai:settings` too where a policy pack is used, which reads it there.
    `root` is the folder that the key's relative path starts from and that holds `policies/` and
    `playbooks/`, the folder of Pulumi.yaml where it is left out. `secrets` are secret outputs by
    their configuration key. Raises KokunaiError with every mistake at once.
    """

    def __init__(
        self,
        *,
        name: str,
        data_class: str,
        access: Mapping[str, Any],
        hosts: Mapping[str, Any] | None = None,
        lab: bool = False,
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
    ) -> None:
        with told_without_traceback():
            given = {"name": name, "data_class": data_class, "access": access, "lab": lab}
            given |= {"hosts": hosts} if hosts is not None else {}
            refuse_outputs(given, "StackSettings")
            spec = stack_file.read_settings(given, "StackSettings")
            self._adopt(spec, Path(root) if root else None, secrets)

    def _adopt(
        self,
        spec: model.Settings,
        root: Path | None,
        secrets: Mapping[str, pulumi.Output[str]] | None,
    ) -> None:
        self.spec = spec
        self.root = root or _project_root()
        self.secrets = _known_secrets(secrets or {})
        self.key = _key(spec.access, self.root)
        self.parent: pulumi.Resource | None = None
        self.declarations: Declarations | None = None

    @classmethod
    def of(
        cls,
        spec: model.Settings,
        *,
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
    ) -> StackSettings:
        """Settings from a model that has been checked already."""
        made = cls.__new__(cls)
        made._adopt(spec, root, secrets)  # noqa: SLF001 - of this very class
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
                _BY_RUN[run] = cls.of(spec, secrets=secrets_of(config))
        return _BY_RUN[run]

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
        return json.loads(text)
    # ValueError comes from numbers with thousands of digits, RecursionError from deep nesting.
    except (ValueError, RecursionError):
        return text


def secrets_of(config: pulumi.Config) -> dict[str, pulumi.Output[str]]:
    """Secret outputs by configuration key, as far as the stack file has them."""
    names = stack_file.secret_keys()
    return {name: value for name in names if (value := config.get_secret(name)) is not None}


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


def _key(access: model.Access, root: Path) -> Key:
    """Both halves must be there, in a preview the public one: CI has no business with the other."""
    given = access.private_key_file
    private = root / Path(given).expanduser()
    try:
        text = private.parent.joinpath(f"{private.name}.pub").read_text(encoding="utf-8")
        is_private = private.is_file()
        is_missing = not private.exists()
    except (OSError, ValueError):  # bytes that are no text, a name that is none
        raise _no_key(given) from None
    if is_private or (is_missing and pulumi.runtime.is_dry_run()):
        return Key(given, text.strip())
    if is_missing:
        raise KokunaiError(
            ja=f"SSH 秘密鍵 {given} がありません（.pub はあります）。秘密鍵をそこに置いてください",
            en=f"the SSH private key {given} is missing (its .pub is there); put it there",
        )
    raise _no_key(given)


def _no_key(given: str) -> KokunaiError:
    return KokunaiError(
        ja=f"SSH 鍵 {given} とその .pub を読めません。作るには: ssh-keygen -t ed25519 -f {given}",
        en=f"SSH key {given} and its .pub cannot be read; "
        f"make them with: ssh-keygen -t ed25519 -f {given}",
    )
