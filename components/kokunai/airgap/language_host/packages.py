"""Reads which packages a project's Python has, from their files and without starting it."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import plugin_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def find_packages(site_packages: Sequence[str]) -> list[plugin_pb2.PackageDependency]:
    """The Pulumi packages that the installed SDKs say they need."""
    return [
        _package(folder.parent, content)
        for folder, content in _declarations(site_packages)
        if content.get("resource")
    ]


def _declarations(site_packages: Sequence[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for root in site_packages:
        for file in sorted(Path(root).glob("*/pulumi-plugin.json")):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(content, dict):
                yield file, content


def _package(folder: Path, content: dict[str, Any]) -> plugin_pb2.PackageDependency:
    package = plugin_pb2.PackageDependency(
        name=content.get("name") or folder.name.removeprefix("pulumi_").replace("_", "-"),
        kind="resource",
        version=_with_v(content.get("version") or _installed_version(folder)),
        server=content.get("server") or "",
    )
    parameterization = content.get("parameterization")
    if parameterization:
        package.parameterization.name = parameterization.get("name", "")
        package.parameterization.version = parameterization.get("version", "")
        package.parameterization.value = _decoded(parameterization.get("value", ""))
    return package


def _decoded(value: str) -> bytes:
    import base64  # Rarely needed, and every import delays the start of the host.

    return base64.b64decode(value)


def _with_v(version: str) -> str:
    return f"v{version.removeprefix('v')}" if version else ""


def _installed_version(folder: Path) -> str:
    """The version of the distribution that installed `folder`, or nothing."""
    for record in folder.parent.glob(f"{folder.name}-*.dist-info"):
        return record.name.removesuffix(".dist-info").partition("-")[2]
    return ""


def list_dependencies(site_packages: Sequence[str], *, transitive: bool) -> list[tuple[str, str]]:
    """(name, version) of all distributions, or only of those that no other one requires."""
    distributions = {
        _normalised(distribution.name): distribution
        for distribution in importlib.metadata.distributions(path=list(site_packages))
        if distribution.name
    }
    required = {
        _normalised(requirement)
        for distribution in distributions.values()
        for requirement in distribution.requires or ()
    }
    return sorted(
        (distribution.name, distribution.version)
        for name, distribution in distributions.items()
        if transitive or name not in required
    )


def _normalised(requirement: str) -> str:
    """The bare name of a requirement such as `Foo_Bar[x]>=1; python_version<"3.12"`."""
    name = re.match(r"[A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else requirement).lower()
