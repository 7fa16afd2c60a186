"""`kokunai:index:Owner`: a random id of the stack, with which all that it makes is marked."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin.inputs import Computed, Inputs
from kokunai.plugin.kind import Change, ChangeKind, Created, Found
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.module import Module

if TYPE_CHECKING:
    from kokunai.plugin.kind import Operation, Props, Transition

_ID = re.compile(r"[0-9a-f]{16}")


class OwnerInputs(Inputs):
    """A random id, kept in the state alone, that marks what a stack makes at a seller.

    Pulumi's id of it is the `owner` of every other resource, so Pulumi makes it before all of
    them and deletes it after all of them. Where a state was lost, an import of the id, which the
    marks at the seller show, takes back what that state had made.
    / スタックが作るものに付ける印です。ステートをなくしたときは、この ID を import すると、
    そのスタックが作ったものを引き継げます。
    """


class OwnerComputed(Computed):
    """A secret beside the id."""

    host_key_seed: str
    """Secret from which the first SSH host keys of new servers are made. / 新しいサーバーの最初の
    SSH ホスト鍵の元になる秘密。"""


class Owner(ModelKind):
    """Makes an id and nothing else; a second checkout has a state, and so an id, of its own.

    A kill cannot part the id from what carries it. The engine answers the program only after it
    has written the created resource to the state, and no other resource is begun before that
    answer, because each has the id among its inputs. If the engine dies earlier, the id is lost,
    nothing carries it, and the next run makes another one.
    """

    pulumi_type = "kokunai:index:Owner"
    model = OwnerInputs
    computed = OwnerComputed
    secret_properties = frozenset({"hostKeySeed"})
    import_id = "0123456789abcdef"
    is_found_by_digest = False

    def diff(self, transition: Transition) -> list[Change]:
        """The state of an earlier version has no secret."""
        reason = "最初のホスト鍵の元を作ります / the seed of first host keys is made"
        change = Change("hostKeySeed", ChangeKind.UPDATE, reason=reason, of_state=True)
        return [] if transition.state.get("hostKeySeed") else [change]

    async def create(self, _op: Operation, transition: Transition) -> Created:
        """Draw a new id and a new secret."""
        return Created(secrets.token_hex(8), {**transition.new, **_seed()})

    async def read(self, _op: Operation, transition: Transition) -> Found | None:
        """The id as it is; an import takes back the one that the marks at the seller show."""
        if not _ID.fullmatch(transition.id):
            raise KokunaiError(
                ja=f"「{transition.id}」は所有者 ID ではありません。"
                "16 桁の 16 進数で指定してください。",
                en=f'"{transition.id}" is no owner id; write its 16 hexadecimal digits.',
            )
        kept = {key: transition.state[key] for key in ("hostKeySeed",) if key in transition.state}
        return Found(transition.id, {}, kept)

    async def update(self, _op: Operation, transition: Transition) -> Props:
        """Add the secret that an import or an earlier version left out."""
        return {**_seed(), **transition.state, **transition.new}

    async def delete(self, _op: Operation, _transition: Transition) -> None:
        """There is nothing to remove: everything that carries the id was deleted before it."""


def _seed() -> Props:
    return {"hostKeySeed": secrets.token_hex(32)}


def owner() -> Module:
    """A new module with the kinds that belong to no seller."""
    return Module("index", kinds=(Owner(),))
