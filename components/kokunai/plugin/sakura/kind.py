"""The base of the kinds of Sakura's IaaS: zones and ids, previews, unfinished resources."""

from __future__ import annotations

import contextlib
import os
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar

from kokunai.drivers.errors import Passing, Unauthorized
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import (
    OWNED_BY,
    OWNER,
    UNKNOWN,
    Found,
    InitFailed,
    Operation,
    Props,
    Transition,
)
from kokunai.plugin.messages import api_failure_text, unfinished_text
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.sakura import description_mark, ownership
from kokunai.plugin.sakura.session import Session, id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.accounts import Accounts
    from kokunai.plugin.sakura.products import Products

_ZONED_ID = re.compile(r"^(?:(?P<zone>[a-z]{2}[0-9][a-z])/)?(?P<id>[0-9]{12})$")
_ZONE_VARIABLES = ("SAKURA_ZONE", "SAKURACLOUD_ZONE")


class SakuraKind(ModelKind):
    """A kind whose resources belong to a zone of an account."""

    import_id: ClassVar[str] = "is1a/123456789012"
    marked: ClassVar[tuple[Collection, ...]]
    """What a create makes that has a mark."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs known so far, after a look at what is there and at what the zone sells."""
        new = transition.new
        if new.get("zone") is not UNKNOWN:
            with self._failures_as_warnings(op):
                session = self.session(op, new["zone"])
                if not (transition.id or op.is_recorded):
                    await self.products(op).check_zone(session)
                    await self._foresee_adoption(session, new)
                await self.check_sold(session, self.products(op), transition.old, new)
        return self.known_outputs(transition)

    def refuse_left(self, op: Operation, item: Item, new: Props) -> None:
        """Raises KokunaiError when what a killed create left cannot become what is wanted."""

    async def refuse_unfit(
        self,
        session: Session,
        what: Collection,  # noqa: ARG002 - for kinds that make several things
        item: Item,
        new: Props,
    ) -> None:
        """The same where it takes calls of the API to know; preview and create both ask it."""
        self.refuse_left(session.op, item, new)

    async def _foresee_adoption(self, session: Session, new: Props) -> None:
        """Tell what a create will take over. Raises KokunaiError for what others made."""
        for what in self.marked:
            items = await self.products(session.op).existing(session, what)
            ours = ownership.of_place(session.op, items)
            ownership.refuse_foreign(session.op, what, ours, session.zone)
            for item in ours[:1]:
                await self.refuse_unfit(session, what, item, new)
                session.tell_of(id_of(item))

    async def check_sold(
        self, session: Session, products: Products, old: Props, new: Props
    ) -> None:
        """Raises KokunaiError when the zone does not sell what the inputs name."""
        if old.get("zone") != new["zone"]:
            await products.check_zone(session)

    def session(self, op: Operation, zone: str) -> Session:
        """A session for one operation in one zone, with the account of the configuration."""
        return Session(self._accounts.of(op.config).api, op, zone)

    def products(self, op: Operation) -> Products:
        """What the account's zones sell."""
        return self._accounts.of(op.config).products

    def refuse_other(self, op: Operation, left: Found | None, new: Props) -> None:
        """Raises KokunaiError when what a killed create left cannot be updated to `new`.

        What a preview does not know yet is not held against it.
        """
        if left is None:
            return
        wanted = completed(new, left.inputs)
        changes = self.diff(Transition(left.id, left.outputs, left.inputs, wanted))
        fixed = [change.path for change in changes if change.replace or change.loses]
        if fixed:
            raise leftover(op, left.id, ", ".join(fixed))

    def _failures_as_warnings(self, op: Operation) -> AbstractContextManager[None]:
        return failures_as_warnings(self._accounts, op)


@contextlib.contextmanager
def failures_as_warnings(accounts: Accounts, op: Operation) -> Iterator[None]:
    """Turn failures of the checks into warnings: a preview is useful without credentials."""
    try:
        yield
    except (Unauthorized, Passing) as error:
        what = api_failure_text(error)
        op.warn(f"販売状況を確かめられません / could not check what is sold: {what}")
    except KokunaiError as error:
        if accounts.can_open(op.config):
            raise
        # Every resource lacks the same key, and a preview may have hundreds of them.
        if not accounts.told_missing:
            accounts.told_missing = True
            op.warn(str(error))


def place_of(id_: str, *known: Props) -> tuple[str, str]:
    """Zone and API id: an import gives `zone/id`, all others have the zone in `known`."""
    match = _ZONED_ID.match(id_)
    if match is None:
        raise KokunaiError(
            ja=f"ID「{id_}」は読めません。zone/123456789012 の形で指定してください。",
            en=f'The id "{id_}" cannot be read; write it as zone/123456789012.',
        )
    zones = [match["zone"], *(props.get("zone") for props in known)]
    zones += [os.environ.get(name) for name in _ZONE_VARIABLES]
    zone = next(filter(None, zones), None)
    if zone is None:
        raise KokunaiError(
            ja=f"ID「{id_}」のゾーンが分かりません。zone/{id_} の形で指定してください。",
            en=f'The zone of the id "{id_}" is not known; write zone/{id_}.',
        )
    return str(zone), match["id"]


def completed(wanted: Any, known: Any) -> Any:
    """`wanted` with `known` in the place of everything that is not known yet."""
    if wanted is UNKNOWN:
        return known
    if isinstance(wanted, dict):
        there = known if isinstance(known, dict) else {}
        kept = (key for key in wanted if key in there or wanted[key] is not UNKNOWN)
        return {key: completed(wanted[key], there.get(key)) for key in kept}
    if isinstance(wanted, list):
        rows = known if isinstance(known, list) else []
        pairs = zip_longest(wanted, rows[: len(wanted)])
        return [completed(one, other) for one, other in pairs]
    return wanted


def described(op: Operation, props: Props) -> str:
    """The description to send to the API, with its mark."""
    return description_mark.write(props.get("description", ""), ownership.full_mark(op), props)


def tags_of(op: Operation, props: Props) -> list[str]:
    """The tags to send to the API, with the marks among them."""
    given = props.get("tags", [])
    return sorted({*given, *ownership.tags(op, room=ownership.ROOM - len(given))})


def named(op: Operation, props: Props) -> dict[str, Any]:
    """Name, marked description and tags, as the requests take them."""
    return {
        "name": props["name"],
        "description": described(op, props),
        "tags": tags_of(op, props),
    }


def changeable(op: Operation, props: Props) -> Item:
    """The same as the API's own fields, for an update that changes nothing else."""
    return {key.capitalize(): value for key, value in named(op, props).items()}


def own_tags(tags: list[str] | None) -> list[str]:
    """Tags as inputs: without our marks and without the API's marks of a former id."""
    return sorted(tag for tag in tags or [] if not tag.startswith(("kokunai-", "@previous-id=")))


def description_inputs(item: dict[str, Any]) -> Props:
    """Description, site, labels and owner as inputs, read from an item's marks."""
    parts = description_mark.read(item.get("Description") or "")
    owner = ownership.owner_in(item)
    owned = {OWNED_BY: owner} if owner else {}
    return {"description": parts.text, **description_mark.governed(parts), **owned}


def mark_found(transition: Transition, item: Item) -> Props:
    """At an import, the digest of the item's mark, so that another's is written anew."""
    digest = "" if transition.state else ownership.digest_in(item)
    return {OWNER: digest} if digest else {}


@contextlib.contextmanager
def keeping(id_: str, outputs: Props) -> Iterator[Props]:
    """Turn every exception of the block into InitFailed, so that the engine keeps the id.

    `outputs` is filled in by the block as it learns more.
    """
    try:
        yield outputs
    except InitFailed:
        raise
    except Exception as error:  # even a bug must not lose a server that is paid for
        raise InitFailed(id_, outputs, [unfinished_text(error)]) from error


def leftover(op: Operation, id_: str, paths: str) -> KokunaiError:
    """The error for what an interrupted create left and what cannot become what is wanted."""
    return KokunaiError(
        ja=f"前回中断した {op.name} の作成処理で {id_} が残っており、現在の設定と一致しません"
        f"（{paths}）。設定を元に戻して pulumi up を終えてから変えるか、{id_} を API で"
        "削除してください。",
        en=f"An interrupted create left {id_} for {op.name}, and {paths} differs from the inputs. "
        "Put the inputs back, finish pulumi up and change them then, or delete it by the API.",
    )


def creation_failed(op: Operation) -> KokunaiError:
    """The error for a resource that the API failed to create and that cannot be repaired."""
    steps = (
        f"pulumi config set kokunai:allowDataLoss {op.name}",
        f"pulumi up --replace '{op.urn}'",
        "pulumi config rm kokunai:allowDataLoss",
    )
    commands = "".join(f"\n  {step}" for step in steps)
    return KokunaiError(
        ja=f"{op.name} は API が作成に失敗しました。作り直すには、順に実行してください:{commands}",
        en=f"The API failed to make {op.name}; to replace it run these in order.",
    )
