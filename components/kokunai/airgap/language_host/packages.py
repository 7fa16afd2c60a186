"""Reads what a project's Python has installed, from its files alone."""

import importlib.metadata
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import plugin_pb2


def find_packages(site_packages: Sequence[str]) -> list[plugin_pb2.PackageDependency]:
    """Return the Pulumi packages that the installed SDKs say they need."""
    return [
        describe_package(folder.parent, content)
        for folder, content in read_declarations(site_packages)
        if content.get("resource")
    ]


def read_declarations(site_packages: Sequence[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for root in site_packages:
        for file in sorted(Path(root).glob("*/pulumi-plugin.json")):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(content, dict):
                yield file, content


def describe_package(folder: Path, content: dict[str, Any]) -> plugin_pb2.PackageDependency:
    package = plugin_pb2.PackageDependency(
        name=content.get("name") or folder.name.removeprefix("pulumi_").replace("_", "-"),
        kind="resource",
        version=add_v(content.get("version") or read_version(folder)),
        server=content.get("server") or "",
    )
    parameterization = content.get("parameterization")
    if parameterization:
        package.parameterization.name = parameterization.get("name", "")
        package.parameterization.version = parameterization.get("version", "")
        package.parameterization.value = decode(parameterization.get("value", ""))
    return package


def decode(value: str) -> bytes:
    import base64  # rarely needed, and the start counts

    return base64.b64decode(value)


def add_v(version: str) -> str:
    return f"v{version.removeprefix('v')}" if version else ""


def read_version(folder: Path) -> str:
    """Return the version of the distribution that installed `folder`, or nothing."""
    for record in folder.parent.glob(f"{folder.name}-*.dist-info"):
        return record.name.removesuffix(".dist-info").partition("-")[2]
    return ""


def list_dependencies(site_packages: Sequence[str], *, transitive: bool) -> list[tuple[str, str]]:
    """Return (name, version) of every distribution, or of those that no other one requires."""
    found = {
        normalise(distribution.name): distribution
        for distribution in importlib.metadata.distributions(path=list(site_packages))
        if distribution.name
    }
    required = {
        normalise(requirement)
        for distribution in found.values()
        for requirement in distribution.requires or ()
    }
    return sorted(
        (distribution.name, distribution.version)
        for name, distribution in found.items()
        if transitive or name not in required
    )


def normalise(requirement: str) -> str:
    """Return the bare name of a requirement such as `Foo_Bar[x]>=1; python_version<"3.12"`."""
    name = re.match(r"[A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else requirement).lower()
