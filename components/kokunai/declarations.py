"""What a stack has declared so far: every part is judged by the rules, then handed to Pulumi."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi
from pydantic import ValidationError

from kokunai import capacity, holders, model, resolved, resources
from kokunai.contracts import pairing
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Hidden, Link, Part
from kokunai.problems import translated
from kokunai.program_errors import go_on, raise_what_ended_the_program, refuse_outputs
from kokunai.stack_file import refusal_of
from kokunai.stack_paths import of_settings
from kokunai.validation import consistency
from kokunai_policy import STACK_TYPE, Context, Refusal, Resource, guard, program_context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.catalog import Offer, Service
    from kokunai.settings import StackSettings

_Spec = TypeVar("_Spec", bound=model.Spec)
_PROVIDER = "pulumi:providers:kokunai"
_OWNER = "kokunai:index:Owner"
_REFUSAL = "kokunai:index:Refusal"
"""The record of a refusal, which the rule KN-CMP-01 reads."""


def of(settings: StackSettings) -> Declarations:
    """The declarations of a stack, begun at the first call."""
    if settings.declarations is None:
        settings.declarations = Declarations(settings)
    return settings.declarations


class Declarations:
    """One for each `StackSettings`: components of a stack find each other's parts here."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._owner = Part(_OWNER, settings.spec.name, {}, owned=False)
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _COMPONENTS}
        self._provider: resources.Provider | None = None
        self._is_refused = False
        self._is_told = False
        self._sold: Offer | Service | None = None
        self._made: dict[tuple[str, str], resources.Kind] = {}
        self.judged: dict[tuple[str, str], Part] = {}
        """Parts that the rules have let through."""
        self.declared: dict[tuple[str, str], Part] = {}
        """Parts that Pulumi was asked for."""

    # What a component is asked for

    def checked(self, section: str, model_: type[_Spec], given: Mapping[str, Any]) -> _Spec:
        """A component's arguments as a row of the stack file would be checked.

        `section` is `networks`, `storage`, `buckets` or `pools`. Raises KokunaiError with every
        mistake of the row, those between it and the accepted rows included.
        """
        row = {key: value for key, value in given.items() if value is not None}
        refuse_outputs(row, _label(section, row))
        try:
            spec = model_.model_validate(row)
        except ValidationError as error:
            raise refusal_of(list(translated(error, model_)), _label(section, row)) from None
        rows = {**self._rows, section: [*self._rows[section], row]}
        shared = self._settings.spec.model_dump(include={"name", "lab", "access", "hosts"})
        problems = [
            *consistency.problems({**shared, **rows}),
            *pairing.problems(rows, self._settings.contracts),
        ]
        # The rows before were without a mistake, so whatever is found comes with this one.
        if found := [_as_components(problem, rows) for problem in problems]:
            raise refusal_of(found, "")
        self._sold = self._sold or _sold(spec)
        return spec

    def accept(self, section: str, spec: model.Spec, **known: Any) -> None:
        """Remember a component that is about to be declared: later ones are held against it."""
        go_on()
        row = spec.model_dump(exclude_none=True)
        self._rows[section].append({**row, **known})

    # What is judged

    def judge(self, parts: Iterable[Part]) -> None:
        """Raises KokunaiError with every finding on parts that were not judged before."""
        wanted = [self._owner, *map(self._told_owner, parts)]
        fresh = [part for part in wanted if self.judged.get(part.key) != part]
        inputs = capacity.provider_inputs(os.environ)
        first = [] if self.judged else self._of_the_stack(inputs)
        try:
            guard([*first, *(_resource(part, inputs) for part in fresh)], self._context)
        except Refusal as refused:
            refusal = Refusal(of_settings(refused.findings))
            self._tell_the_pack(refusal)
            raise refusal from None
        self._refuse_without_credentials(fresh)
        self.judged |= {part.key: part for part in fresh}

    def _tell_the_pack(self, refusal: Refusal) -> None:
        """Let a policy pack know in a preview, since it sees nothing of what is refused here."""
        if pulumi.runtime.is_dry_run() and not self._is_refused:
            self._is_refused = True
            found = {"findings": len(refusal.findings)}
            pulumi.ComponentResource(_REFUSAL, self._settings.spec.name, found)

    def _refuse_without_credentials(self, parts: list[Part]) -> None:
        """Say it once before anything is made, and not for each resource while they are made.

        A preview is useful without credentials; there, the plugin warns.
        """
        if pulumi.runtime.is_dry_run():
            return
        kinds = [part.pulumi_type for part in parts]
        missing = capacity.missing_credentials(kinds, self._settings.secrets, os.environ)
        if missing:
            raise KokunaiError(
                ja="販売元の API キーがないため、何も作りません。環境変数、または"
                "pulumi config set --secret で指定してください: " + "、".join(missing),
                en="the seller's API key is missing, so nothing is made; export it, or give it "
                "with pulumi config set --secret: " + ", ".join(missing),
            )

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

    # What is declared

    def options(
        self, opts: pulumi.ResourceOptions | None, was: str | None = None
    ) -> pulumi.ResourceOptions:
        """Options of a component with the stack's provider beside those of other packages.

        `was` is its name before a rename.

        Raises KokunaiError for another provider of this package: the rules would not see whom it
        calls, and what pools share would be made in another account; and for a component that is
        declared inside `Output.apply`, or by an async program after it has waited.
        """
        if self._is_told:
            raise _declared_too_late()
        merged = pulumi.ResourceOptions.merge(None, opts)
        others = _providers_of(merged)
        if any(provider.package == resources.PACKAGE for provider in others):
            raise KokunaiError(
                ja="kokunai のプロバイダーは opts では渡せません。別のアカウントには、"
                "その secrets を持つ StackSettings を settings に渡してください",
                en="a kokunai provider cannot be given in opts; for another account pass "
                "settings=StackSettings(...) with its secrets",
            )
        merged.provider, merged.providers = None, [self.provider(), *others]
        merged.aliases = [*(merged.aliases or []), *_aliases(was)]
        # A refused rename must leave nothing behind under the new name, not even a group.
        waiting = pulumi.ResourceOptions(depends_on=self._after_the_holders())
        merged.depends_on = pulumi.ResourceOptions.merge(merged, waiting).depends_on
        return merged

    def provider(self) -> resources.Provider:
        """The stack's provider, declared at the first call."""
        if self._provider is None:
            keys = capacity.secret_inputs()
            secrets: dict[str, Any] = {
                key: pulumi.Output.secret(value)
                for key, value in self._settings.secrets.items()
                if key in keys
            }
            losses = ",".join(self._settings.allowed_losses)
            allowed = {model.LOSS_KEY: losses} if losses else {}
            props = {**capacity.provider_inputs(os.environ), **secrets, **allowed}
            opts = pulumi.ResourceOptions(parent=self._settings.parent)
            self._provider = resources.Provider(self._settings.spec.name, props, opts)
        return self._provider

    def _told_owner(self, part: Part) -> Part:
        """The part with the stack's owner id among its inputs, so that it is made after that."""
        if not part.owned:
            return part
        return replace(part, props={**part.props, "owner": self._owner.link()})

    def _declare_owner(self) -> None:
        """Declare the owner before the first part, outside of all components.

        There an import finds it by its name alone, when a state was lost.
        """
        if self._owner.key not in self.declared:
            self.declared[self._owner.key] = self._owner
            opts = pulumi.ResourceOptions(provider=self.provider())
            self._made[self._owner.key] = self._declare(self._owner, opts)

    def declare_shared(self, parts: Iterable[Part], provider: Any) -> None:
        """Declare what several components share; a part that is there already is left alone."""
        told = map(self._told_owner, parts)
        fresh = [part for part in told if self.declared.get(part.key) != part]
        if clash := next((part for part in fresh if part.key in self.declared), None):
            raise _shared_twice(clash)
        self.declare(fresh, pulumi.ResourceOptions(parent=self._settings.parent, provider=provider))

    def declare(self, parts: Iterable[Part], opts: pulumi.ResourceOptions) -> list[resources.Kind]:
        """Declare judged parts, in their order. Links must lead to declared parts."""
        told = [self._told_owner(part) for part in parts]
        if unjudged := [part.key for part in told if self.judged.get(part.key) != part]:
            raise AssertionError(f"{unjudged} was not judged as it is declared")
        made = []
        self._declare_owner()
        for part in told:
            self.declared[part.key] = part
            self._made[part.key] = self._declare(part, opts)
            made.append(self._made[part.key])
        return made

    def made(self, parts: Iterable[Part]) -> list[resources.Kind]:
        """The resources of declared parts."""
        return [self._made[part.key] for part in parts]

    def _declare(self, part: Part, opts: pulumi.ResourceOptions) -> resources.Kind:
        timeouts = None
        if part.timeout_seconds is not None:
            timeout = f"{part.timeout_seconds}s"
            timeouts = pulumi.CustomTimeouts(create=timeout, update=timeout)
        waits = part is not self._owner  # it says nothing of any data
        own = pulumi.ResourceOptions(
            aliases=_aliases(part.former_name),
            custom_timeouts=timeouts,
            # Nothing is touched before it is known what data would be lost.
            depends_on=self._after_the_holders() if waits else None,
            protect=holders.protect(part, self._settings),
        )
        opts = pulumi.ResourceOptions.merge(opts, own)
        kind = resources.kind(part.pulumi_type)
        return kind(part.name, self.linked(part.props), opts, wanted=part.wanted)

    def _after_the_holders(self) -> list[resources.Kind] | None:
        """What must come first, even where nothing is declared: what was there may be lost."""
        return [self._holders] if self._first is not None else None

    @property
    def _first(self) -> Part | None:
        """The part that is judged first; a stand-in where contracts leave nothing to declare."""
        judged = (part for part in self.judged.values() if part is not self._owner)
        begun = holders.begun(self._sold, self._settings) if self._sold else None
        return next(judged, begun)

    @functools.cached_property
    def _holders(self) -> resources.Kind:
        """What everything waits for; its rows are complete once the program has ended."""
        first = self._first
        if first is None:
            raise AssertionError("nothing was asked for")

        async def rows() -> Any:
            # Half a program would look as if it gave up what its other half declares.
            raise_what_ended_the_program()
            self._is_told = True
            whole = holders.part(first, list(self.declared.values()), self._settings)
            self.judge([whole])
            return whole.props["holders"]

        begun = holders.part(first, [], self._settings)
        props = {**begun.props, "holders": pulumi.Output.from_input(rows())}
        opts = pulumi.ResourceOptions(parent=self._settings.parent, provider=self.provider())
        return resources.kind(begun.pulumi_type)(begun.name, props, opts, wanted=begun.wanted)

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


def _aliases(former_name: str | None) -> list[str | pulumi.Alias]:
    """By which a resource that had another name is still the same one."""
    return [] if former_name is None else [pulumi.Alias(name=former_name)]


def _declared_too_late() -> KokunaiError:
    """Its rows were told to what compares them, so data would seem to be lost or go unsaid."""
    return KokunaiError(
        ja="Kokunai のコンポーネントは Output.apply の中では宣言できません。apply の外で宣言して"
        "ください。pulumi.run に渡すプログラムでは、最初の await より前にすべて宣言してください",
        en="Kokunai's components cannot be declared inside Output.apply; declare them outside of "
        "it. A program given to pulumi.run must declare all of them before its first await",
    )


def _shared_twice(part: Part) -> KokunaiError:
    return KokunaiError(
        ja=f"{part.pulumi_type} {part.name} は複数のプールが共有しますが、入力が食い違います",
        en=f"{part.pulumi_type} {part.name} is shared by pools that ask for different inputs",
    )


_ROW = re.compile(r"(networks|storage|buckets|pools)\[(\d+)\]")
_COMPONENTS = {
    "networks": "ClusterNetwork",
    "storage": "SharedStorage",
    "buckets": "ObjectStorage",
    "pools": "GpuNodePool",
}


def _sold(spec: model.Spec) -> Offer | Service | None:
    """What a pool or a network is had as."""
    if isinstance(spec, model.GpuNodePool):
        return resolved.offer_of(spec)
    return resolved.service_of(spec) if isinstance(spec, model.Network) else None


def _label(section: str, row: Mapping[str, Any]) -> str:
    """`GpuNodePool("train")`."""
    return f'{_COMPONENTS[section]}("{row.get("name")}")'


def _as_components(problem: Problem, rows: Mapping[str, list[dict[str, Any]]]) -> Problem:
    """A problem of a stack file in the words of a program: `pools[0]` is `GpuNodePool("train")`."""

    def named(text: str) -> str:
        return _ROW.sub(lambda row: _label(row[1], rows[row[1]][int(row[2])]), text)

    return Problem(named(problem.path), named(problem.ja), named(problem.en))


def _providers_of(opts: pulumi.ResourceOptions) -> list[pulumi.ProviderResource]:
    """Every provider that the options name, in whichever of the ways there are."""
    many = opts.providers or []
    listed = list(many.values()) if isinstance(many, Mapping) else list(many)
    one = [opts.provider] if opts.provider is not None else []
    return [*one, *(provider for provider in listed if provider is not opts.provider)]


def _resource(part: Part, provider_inputs: Mapping[str, str]) -> Resource:
    return Resource(
        type=part.pulumi_type, name=part.name, props=part.props, provider_props=provider_inputs
    )
