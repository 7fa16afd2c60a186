"""Judges a whole stack file without an engine: what the rules will say, at the file's own paths."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from kokunai import catalog, model, project, resolved, stack_file, user_paths, yaml_reader
from kokunai.catalog import retirement
from kokunai.environment import placed_parts
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Part
from kokunai.settings import Key, StackSettings
from kokunai.stack_paths import Placed, located
from kokunai_policy import STACK_TYPE, Resource, StateStore, judge, program_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kokunai_policy import Context, Finding

_CONFIGURATION = "kokunai:ansible:Configuration"


def findings(stack_file_path: Path, root: Path) -> list[Problem]:
    """What the rules refuse in a stack file, each once, as a preview would, without its engine.

    `root` is the project's folder, whose waivers and facts count. What depends on the machine
    that previews (endpoint, state, whether the SSH key is there) is left to the preview. Paths
    start at the top of the file. Raises KokunaiError where the file cannot be read or has mistakes.
    """
    spec = stack_file.read_file(stack_file_path)
    is_whole = isinstance(spec, model.Environment)
    key = stack_file.KEY if is_whole else stack_file.SETTINGS_KEY
    placed = (
        placed_parts(spec, StackSettings.of(spec, root=root, secrets={}, key=_key(spec, root)))
        if isinstance(spec, model.Environment)
        else [_hosts_of_a_program(spec)]
    )
    context = _context(spec, stack_file_path, root)
    of_parts = [row for part in placed for row in _judged(part.part, context)]
    problems = [
        _problem(f"config.{key}.{row.place}", row)
        for row in located(of_parts, placed)
        if is_whole or row.place.startswith("hosts.")
    ]
    return [*problems, *_of_the_stack(stack_file_path, context)]


def warnings(stack_file_path: Path) -> list[Problem]:
    """What a preview only warns of: GPUs and offers that end within a year.

    Raises KokunaiError where the file cannot be read or has mistakes.
    """
    spec = stack_file.read_file(stack_file_path)
    pools = spec.pools if isinstance(spec, model.Environment) else []
    today = retirement.today()
    said = [retirement.warning(resolved.offer_of(pool), today) for pool in pools]
    return [
        Problem(f"config.{stack_file.KEY}.pools[{index}]", *texts)
        for index, texts in enumerate(said)
        if texts
    ]


def _key(spec: model.Settings, root: Path) -> Key:
    """The public key where it can be read: a file may be checked before there is any."""
    given = spec.access.private_key_file
    text = ""
    with suppress(OSError, ValueError, KokunaiError):
        text = user_paths.absolute(root, f"{given}.pub").read_text(encoding="utf-8")
    return Key(given, text.strip())


def _hosts_of_a_program(spec: model.Settings) -> Placed:
    """What any pool of a program of one's own would tell its hosts."""
    hosts = spec.hosts
    variables = {
        "base_ntp_servers": list(hosts.ntp_servers),
        "base_package_sources": [
            source.model_dump(exclude_none=True) for source in hosts.package_sources
        ],
        "base_package_sources_exclusive": bool(hosts.package_sources),
    }
    if hosts.dns_servers:
        variables["base_dns_servers"] = list(hosts.dns_servers)
    props = {
        "site": next(row.site for row in catalog.services()),
        "labels": {"data-class": spec.data_class},
        "variables": variables,
    }
    return Placed(Part(_CONFIGURATION, spec.name, props))


def _context(spec: model.Settings, file: Path, root: Path) -> Context:
    stack = file.name.removesuffix(".yaml").removeprefix("Pulumi.")
    named = project.name(root)
    return program_context(root, stack=stack, project=named, lab=spec.lab, environment={})


def _judged(part: Part, context: Context) -> Iterator[Finding]:
    found = judge(Resource(type=part.pulumi_type, name=part.name, props=part.props), context)
    return (finding for finding in found if finding.waiver is None)


def _of_the_stack(file: Path, context: Context) -> list[Problem]:
    """Findings about the project's waivers and facts, and about the keeper of secrets in the file.

    Where the state is stands in the environment of whoever previews.
    """
    content = yaml_reader.read(file)
    keeper = str(content.get("secretsprovider") or "") if isinstance(content, dict) else ""
    # Which vault is called stands there, too.
    is_told = bool(keeper) and not keeper.startswith("hashivault:")
    store = StateStore("file:///", keeper)
    stack = Resource(type=STACK_TYPE, name=context.stack, props={})
    judged = judge(stack, replace(context, state=store))
    return [
        _problem(row.path, row)
        for row in judged
        if row.rule == "KN-ESC-07" or (is_told and row.path == "secretsprovider")
    ]


def _problem(path: str, row: Finding) -> Problem:
    mark = f"{row.rule} ({row.level.value})"
    return Problem(path, f"{mark} {row.ja}", f"{mark} {row.en}")
