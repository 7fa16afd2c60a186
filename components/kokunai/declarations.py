"""Keeps what a stack has declared so far: the rules judge each part before Pulumi gets it."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi
from pydantic import ValidationError

from kokunai import capacity, consistency, model, resources
from kokunai.errors import KokunaiError
from kokunai.parts import Hidden, Link, Part
from kokunai.problems import translated
from kokunai.stack_file import refusal_of
from kokunai_policy import STACK_TYPE, Context, Resource, guard, program_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai.settings import StackSettings

_Spec = TypeVar("_Spec", bound=model.Spec)
_PROVIDER = "pulumi:providers:kokunai"


class ProgramError(KokunaiError, pulumi.RunError):
    """A KokunaiError that Pulumi prints as one message without a traceback."""


@contextlib.contextmanager
def told_without_traceback() -> Iterator[None]:
    """Raise a KokunaiError of the block as ProgramError, which shows no traceback."""
    try:
        yield
    except ProgramError:
        raise
    except KokunaiError as error:
        refusal = ProgramError(ja=error.ja, en=error.en)
        refusal.args = (str(error),)
        raise refusal from None


def of(settings: StackSettings) -> Declarations:
    """The declarations of a stack, begun at the first call."""
    if settings.declarations is None:
        settings.declarations = Declarations(settings)
    return settings.declarations


class Declarations:
    """The parts of one stack, where its components find each other's; one per `StackSettings`."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._rows: dict[str, list[dict[str, Any]]] = {"networks": [], "storage": [], "pools": []}
        self._provider: resources.Provider | None = None
        self._made: dict[tuple[str, str], resources.Kind] = {}
        self.judged: dict[tuple[str, str], Part] = {}
        """Parts that the rules have let through."""
        self.declared: dict[tuple[str, str], Part] = {}
        """Parts that were declared to Pulumi."""

    # Arguments of components

    def checked(self, section: str, model_: type[_Spec], given: Mapping[str, Any]) -> _Spec:
        """A component's arguments as a row of the stack file would be checked.

        `section` is `networks`, `storage` or `pools`. Raises KokunaiError with every mistake of
        the row, those between it and the rows before it included.
        """
        row = {key: value for key, value in given.items() if value is not None}
        try:
            spec = model_.model_validate(row)
        except ValidationError as error:
            raise refusal_of(list(translated(error, model_)), _label(section, row)) from None
        self._check_between(section, row)
        return spec

    def _check_between(self, section: str, row: dict[str, Any]) -> None:
        rows = {**self._rows, section: [*self._rows[section], row]}
        place = f"{section}[{len(self._rows[section])}]"
        problems = consistency.problems({"name": self._settings.spec.name, **rows})
        here = [problem for problem in problems if problem.path.startswith(place)]
        if here:
            raise refusal_of(here, _label(section, row), below=place)
        self._rows = rows

    def note_zone(self, zone: str | None) -> None:
        """Note the zone of the last network, so that pools of another zone are refused."""
        self._rows["networks"][-1]["zone"] = zone

    # Judging by the rules

    def judge(self, parts: Iterable[Part]) -> None:
        """Judge parts that are new. Raises KokunaiError with every finding on them."""
        fresh = [part for part in parts if self.judged.get(part.key) != part]
        inputs = capacity.provider_inputs(os.environ)
        first = [] if self.judged else self._of_the_stack(inputs)
        guard([*first, *(_resource(part, inputs) for part in fresh)], self._context)
        self.judged |= {part.key: part for part in fresh}

    def _of_the_stack(self, inputs: dict[str, str]) -> list[Resource]:
        stack = Resource(type=STACK_TYPE, name=pulumi.get_stack(), props={})
        return [stack, Resource(type=_PROVIDER, name=self._settings.spec.name, props=inputs)]

    @functools.cached_property
    def _context(self) -> Context:
        return program_context(
            self._settings.root,
            stack=pulumi.get_stack(),
            project=pulumi.get_project(),
            lab=self._settings.spec.lab,
            environment=os.environ,
        )

    # Declaring to Pulumi

    def options(self, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
        """Options of a component: the stack's provider, unless the program names another."""
        if opts is not None and (opts.provider is not None or opts.providers is not None):
            return opts
        ours = pulumi.ResourceOptions(provider=self.provider())
        return pulumi.ResourceOptions.merge(ours, opts)

    def provider(self) -> resources.Provider:
        """The stack's provider, declared at the first call."""
        if self._provider is None:
            keys = capacity.secret_inputs()
            secrets = {key: value for key, value in self._settings.secrets.items() if key in keys}
            props = {**capacity.provider_inputs(os.environ), **secrets}
            opts = pulumi.ResourceOptions(parent=self._settings.parent)
            self._provider = resources.Provider(self._settings.spec.name, props, opts)
        return self._provider

    def declare_shared(self, parts: Iterable[Part], provider: Any) -> None:
        """Declare parts that several components share, each at its first call only."""
        fresh = [part for part in parts if self.declared.get(part.key) != part]
        if clash := next((part for part in fresh if part.key in self.declared), None):
            raise _shared_twice(clash)
        self.declare(fresh, pulumi.ResourceOptions(parent=self._settings.parent, provider=provider))

    def declare(
        self, parts: Iterable[Part], opts: pulumi.ResourceOptions
    ) -> dict[str, resources.Kind]:
        """Declare judged parts and return them by name. Links must lead to declared parts."""
        made = {}
        for part in parts:
            if self.judged.get(part.key) != part:
                raise AssertionError(f"{part.key} was not judged as it is declared")
            self.declared[part.key] = part
            made[part.name] = self._made[part.key] = self._declare(part, opts)
        return made

    def _declare(self, part: Part, opts: pulumi.ResourceOptions) -> resources.Kind:
        if part.timeout_seconds is not None:
            timeout = f"{part.timeout_seconds}s"
            timeouts = pulumi.CustomTimeouts(create=timeout, update=timeout)
            limits = pulumi.ResourceOptions(custom_timeouts=timeouts)
            opts = pulumi.ResourceOptions.merge(opts, limits)
        kind = resources.kind(part.pulumi_type)
        return kind(part.name, self.linked(part.props), opts, wanted=part.wanted)

    def linked(self, value: Any) -> Any:
        """Plain values with each link replaced by the output that it stands for."""
        if isinstance(value, Link):
            return self._made[value.pulumi_type, value.name].output(value.output)
        if isinstance(value, Hidden):
            return pulumi.Output.secret(value.value)
        if isinstance(value, dict):
            return {key: self.linked(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.linked(item) for item in value]
        return value


def _shared_twice(part: Part) -> KokunaiError:
    return KokunaiError(
        ja=f"{part.pulumi_type} {part.name} は複数のプールが共有しますが、入力が食い違います",
        en=f"{part.pulumi_type} {part.name} is shared by pools that ask for different inputs",
    )


_COMPONENTS = {"networks": "ClusterNetwork", "storage": "SharedStorage", "pools": "GpuNodePool"}


def _label(section: str, row: Mapping[str, Any]) -> str:
    """`GpuNodePool("train")`."""
    return f'{_COMPONENTS[section]}("{row.get("name")}")'


def _resource(part: Part, provider_inputs: Mapping[str, str]) -> Resource:
    return Resource(
        type=part.pulumi_type, name=part.name, props=part.props, provider_props=provider_inputs
    )
