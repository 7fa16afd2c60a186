"""Builds the context of the running stack from the project's files and the environment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kokunai import yaml_reader
from kokunai_policy import known_facts, waivers
from kokunai_policy.context import Context, StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLOUD = "https://api.pulumi.com"
_SELF_MANAGED = ("file:", "s3:", "gs:", "azblob:", "postgres:", "postgresql:")
_SETTINGS_KEYS = ("kokunai:environment", "kokunai:settings")

FOLDER = "policies"
"""Folder below a project's root with its pack, its waivers and its own facts."""


def program_context(
    root: Path, *, stack: str, project: str, lab: bool, environment: Mapping[str, str]
) -> Context:
    """Context of the rules inside the program of the project at `root`."""
    return Context(
        lab=lab,
        stack=f"{stack}::{project}",
        environment=environment,
        state=state_store(root, stack, environment),
        waivers=waivers.in_folder(root / FOLDER),
        facts=known_facts.in_folder(root / FOLDER),
    )


def pack_context(environment: Mapping[str, str], pack: Path, urn: str = "") -> Context:
    """Context of the stack that holds the resource `urn`, from the pack's environment and folder.

    The engine names stack and configuration in the environment, except when it judges a state file.
    """
    stack, project = _stack_and_project(environment, urn)
    directory = find(project, _candidates(environment, pack))
    settings = stack_settings(directory, stack) or {}
    config = _json(environment.get("PULUMI_CONFIG")) or settings.get("config")
    return Context(
        lab=says_lab(config if isinstance(config, dict) else {}),
        directory=directory and directory / str(_project(directory).get("main") or ""),
        environment=environment,
        state=state_store(directory, stack, environment),
        **_of_the_pack(pack, directory),
    )


def _of_the_pack(pack: Path, project: Path | None) -> dict[str, Any]:
    """Waivers and facts beside the pack; a pack for many projects names both its files and theirs.

    A project's own files count in its program alone then: who writes a stack must not be able to
    waive what a pack for the whole company asks.
    """
    own = project / FOLDER if project else None
    if own is None or own.resolve() == pack.resolve():
        return {"waivers": waivers.in_folder(pack), "facts": known_facts.in_folder(pack)}
    return {
        "waivers": waivers.in_folder(
            pack, file=str(pack / waivers.FILE), beside=str(own / waivers.FILE)
        ),
        "facts": known_facts.in_folder(pack, file=str(pack / known_facts.FILE)),
    }


def _stack_and_project(environment: Mapping[str, str], urn: str) -> tuple[str, str]:
    parts = urn.removeprefix("urn:pulumi:").split("::")
    stack, project = (parts[0], parts[1]) if len(parts) > 1 else ("", "")
    return environment.get("PULUMI_STACK", stack), environment.get("PULUMI_PROJECT", project)


def says_lab(config: Mapping[str, Any]) -> bool:
    """Whether the stack file says that the stack runs on the local lab."""
    given = [_says_lab(config[key]) for key in _SETTINGS_KEYS if key in config]
    return bool(given) and all(given)


def _says_lab(settings: Any) -> bool:
    settings = _json(settings) if isinstance(settings, str) else settings
    return isinstance(settings, dict) and settings.get("lab") is True


def find(project: str, candidates: Iterator[Path]) -> Path | None:
    """Folder of the Pulumi.yaml of this project, at or above one of the candidates."""
    for start in candidates:
        for folder in (start, *start.parents):
            if _is_project(folder, project):
                return folder
    return None


def _is_project(folder: Path, project: str) -> bool:
    return bool(project) and _project(folder).get("name") == project


def _candidates(environment: Mapping[str, str], pack: Path) -> Iterator[Path]:
    # The engine starts language hosts in the project's folder, but packs possibly elsewhere.
    for process in ("self", str(os.getppid())):
        try:
            yield Path(f"/proc/{process}/cwd").readlink()
        except OSError:
            continue
    if shell := environment.get("PWD"):
        yield Path(shell)
    yield pack.resolve().parent


def state_store(directory: Path | None, stack: str, environment: Mapping[str, str]) -> StateStore:
    """Where Pulumi keeps the state and the keys of secrets, by Pulumi's own order of settings."""
    backend = environment.get("PULUMI_BACKEND_URL") or _written_backend(directory)
    backend = backend or _logged_in_backend(environment)
    return StateStore(backend, _secrets_provider(directory, stack, backend))


def _project(directory: Path) -> dict[str, Any]:
    return _yaml(directory / "Pulumi.yaml") or {}


def stack_settings(directory: Path | None, stack: str) -> dict[str, Any] | None:
    """The content of the stack file; None if it cannot be read."""
    if directory is None or not stack:
        return {}
    folder = directory / str(_project(directory).get("stackConfigDir") or "")
    return _yaml(folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml")


def _written_backend(directory: Path | None) -> str | None:
    if directory is None:
        return None
    backend = _project(directory).get("backend")
    url = backend.get("url") if isinstance(backend, dict) else None
    return str(url) if url else None


def _logged_in_backend(environment: Mapping[str, str]) -> str | None:
    home = environment.get("PULUMI_HOME") or Path(environment.get("HOME", "/")) / ".pulumi"
    try:
        text = (Path(home) / "credentials.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return _CLOUD
    except (OSError, UnicodeDecodeError):
        return None
    return str(_json(text).get("current") or _CLOUD)


def _secrets_provider(directory: Path | None, stack: str, backend: str | None) -> str | None:
    if directory is None or not stack or backend is None:
        return None
    settings = stack_settings(directory, stack)
    if settings is None:
        return None
    if provider := settings.get("secretsprovider"):
        return str(provider)
    if "encryptionsalt" in settings or backend.startswith(_SELF_MANAGED):
        return "passphrase"
    return "default"


def _json(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _yaml(path: Path) -> dict[str, Any] | None:
    """The content of a YAML file: empty if the file is missing, None if it cannot be read."""
    try:
        value = yaml_reader.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, yaml_reader.NotYaml):
        return None
    return {} if value is None else value if isinstance(value, dict) else None
