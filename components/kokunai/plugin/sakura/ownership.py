"""Tells what this stack made from what others made under the same names, by the marks at the API.

A mark says which resource of which stack something is (`op.place`, a digest of the URN) and whose
that stack is (`op.owner`). Two checkouts of one project have the same places and other owners.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kokunai.drivers.sakura_iaas import APPLIANCE, DISK, INTERNET, SERVER, SWITCH
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.plugin.kind import mark_of
from kokunai.plugin.sakura import description_mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.kind import Operation
    from kokunai.plugin.sakura.session import Session

OWNER_TAG = "kokunai-owner-"
ROOM = 9
"""Tags of an item: the API allows ten, and one is left for the API's mark of a former id."""
_TAGGED = frozenset({SERVER, DISK, SWITCH, INTERNET, APPLIANCE})


# How a mark is written


def full_mark(op: Operation) -> str:
    """Place and owner as one word, for descriptions and for the names of notes."""
    return f"{op.place}-{op.owner}" if op.owner else op.place


def tags(op: Operation, room: int = 2) -> list[str]:
    """The tags of a mark; the owner's is left out where there is no room beside the user's.

    What has a description says the owner there as well.
    """
    owners = [f"{OWNER_TAG}{op.owner}"] if op.owner else []
    return [op.place, *owners][: max(1, room)]


# How a mark is read


def place_in(item: Item, place: str) -> bool:
    """Whether an item has the mark of this place, in its tags or its description."""
    if place in (item.get("Tags") or []):
        return True
    # Most descriptions are somebody else's, and reading their marks takes time.
    return place in str(item.get("Description") or "") and _described(item).digest == place


def owner_in(item: Item) -> str:
    """The owner id that an item is marked with; empty where it has none."""
    named = [tag for tag in item.get("Tags") or [] if str(tag).startswith(OWNER_TAG)]
    return str(named[0]).removeprefix(OWNER_TAG) if named else _described(item).owner


def is_marked(op: Operation, item: Item) -> bool:
    """Whether an item has the whole mark of this operation's resource."""
    return place_in(item, op.place) and owner_in(item) == op.owner


def digest_in(item: Item) -> str:
    """The digest that an operation has whose whole mark the item carries; empty without a mark."""
    place, owner = _described(item).digest, owner_in(item)
    return mark_of(place, owner) if place and owner else place


def _described(item: Item) -> description_mark.MarkedDescription:
    return description_mark.read(str(item.get("Description") or ""))


# What is there under the mark


async def marked(session: Session, what: Collection) -> list[Item]:
    """The items with the place of this operation, whoever made them, oldest first."""
    if what in _TAGGED:
        place = session.op.place
        items = await session.call(lambda: session.api.find_tagged(what, session.zone, place))
    else:
        items = await session.all(what)
    return of_place(session.op, items)


async def mine(session: Session, what: Collection) -> list[Item]:
    """The items with the whole mark of this operation, oldest first."""
    return [item for item in await marked(session, what) if is_marked(session.op, item)]


def of_place(op: Operation, items: Iterable[Item]) -> list[Item]:
    """Those of the items that have the place of this operation, oldest first.

    A renamed resource keeps its old mark until it is updated, and is not meant here.
    """
    here = (item for item in items if place_in(item, op.place) and not _is_renamed(op, item))
    return sorted(here, key=lambda item: str(item["ID"]))


def _is_renamed(op: Operation, item: Item) -> bool:
    server_id = (item.get("Server") or {}).get("ID")
    return any(op.is_held_elsewhere(str(id_)) for id_ in (item["ID"], server_id) if id_)


def refuse_foreign(op: Operation, what: Collection, items: Iterable[Item], zone: str) -> None:
    """Raises KokunaiError when one of these items, which have our place, is not this stack's.

    Without an owner id nothing can be told apart, so that everything counts as somebody else's.
    """
    for item in items:
        if not op.owner or owner_in(item) != op.owner:
            raise _foreign(op, what, item, zone)


class Finding:
    """What an earlier try of a create made; refuses what others made before the first POST.

    `beside` are collections in which the create makes more; `known_ids` stand in the state.
    """

    def __init__(
        self,
        session: Session,
        what: Collection,
        *beside: Collection,
        known_ids: Iterable[str] = (),
    ) -> None:
        self._session = session
        self._what = what
        self._beside = beside
        self._known_ids = frozenset(known_ids)
        self._is_first = True

    async def __call__(self) -> Item | None:
        """The oldest item with our whole mark, or None."""
        items = await marked(self._session, self._what)
        if self._is_first:
            self._refuse(self._what, items)
            for what in self._beside:
                self._refuse(what, await marked(self._session, what))
            self._is_first = False
        return next((item for item in items if is_marked(self._session.op, item)), None)

    def _refuse(self, what: Collection, items: Iterable[Item]) -> None:
        unknown = (item for item in items if str(item["ID"]) not in self._known_ids)
        refuse_foreign(self._session.op, what, unknown, self._session.zone)


def _foreign(op: Operation, what: Collection, item: Item, zone: str) -> KokunaiError:
    name, made_at = shown(item.get("Name", ""), 64), shown(item.get("CreatedAt") or "-", 40)
    its_ja, its_en = _whose(shown(owner_in(item), 32))
    back = _ways_back(op, what, item, zone)
    back_ja = (
        f"ステートをなくした自分のものなら、{' か '.join(back)} で引き継げます。" if back else ""
    )
    back_en = f" If it is yours and its state was lost: {' or '.join(back)}." if back else ""
    return KokunaiError(
        ja=f"{op.name} は作れません。同じ名前のスタックが作った {what.singular} "
        f"{item['ID']}（{name}、作成 {made_at}）が、このアカウントにあります。{its_ja}"
        "何も変更していません。別のスタック名か、別のアカウントを使ってください。" + back_ja,
        en=f"{op.name} cannot be made: this account has the {what.singular} {item['ID']} ({name}, "
        f"created {made_at}), which another stack of the same name made. {its_en} "
        f"Nothing was touched. Use another stack name or another account.{back_en}",
    )


def _whose(owner: str) -> tuple[str, str]:
    if owner:
        return f"所有者は {owner} です。", f"Its owner is {owner}."
    ja = "所有者の印がなく（以前のバージョンか owner なしで作られたもの）、誰のものか分かりません。"
    en = "It has no owner mark (an earlier version made it, or its `owner` was left out)."
    return ja, en


def _ways_back(op: Operation, what: Collection, item: Item, zone: str) -> list[str]:
    """Commands that take it into an empty state: with all else of its owner, or it alone."""
    ways = []
    # The name is the environment's, which stands in the labels; a foreign text must be no command.
    name = str(_described(item).labels.get("environment", ""))
    name = name if re.fullmatch(r"[a-z0-9-]+", name) else "NAME"
    if re.fullmatch(r"[0-9a-f]{16}", owner_in(item)):
        ways.append(f"`pulumi import kokunai:index:Owner {name} {owner_in(item)}`")
    parents, _, kind = op.urn.split("::")[2].rpartition("$")
    if what != DISK and not parents:
        ways.append(f"`pulumi import {kind} {op.name} {zone}/{item['ID']}`")
    return ways
