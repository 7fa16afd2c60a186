"""What the kinds of Sakura's IaaS have in common: places, previews, unfinished things."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar

from kokunai.drivers.sakura_errors import Passing, SakuraError, Unauthorized
from kokunai.errors import KokunaiError
from kokunai.plugin import inputs, schema
from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import (
    UNKNOWN,
    Cancelled,
    Change,
    Checked,
    Found,
    InitFailed,
    Operation,
    Props,
)
from kokunai.plugin.sakura import trailer
from kokunai.plugin.sakura.accounts import SHARED, Accounts
from kokunai.plugin.sakura.session import Session
from kokunai.plugin.serving.answers import bug, said
from kokunai.plugin.serving.replacements import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.plugin.sakura.products import Products

GOVERNING = ("site", "labels")
"""Known to us, not to the API: an imported thing may lack them."""
_PLACED_ID = re.compile(r"^(?:(?P<zone>[a-z]{2}[0-9][a-z])/)?(?P<id>[0-9]{12})$")
_ZONE_VARIABLES = ("SAKURA_ZONE", "SAKURACLOUD_ZONE")


class SakuraKind:
    """The half of a `Kind` that does not depend on what it is."""

    token: str
    model: ClassVar[type[inputs.Governed]]
    computed: ClassVar[dict[str, dict[str, Any]]] = {}
    replaced_by: ClassVar[dict[str, str]] = {}
    """Top-level properties that cannot be changed in place, and why."""
    is_found_by_digest = True
    default_timeout_seconds: float = 600.0
    secret_properties: frozenset[str] = frozenset()

    def __init__(self, accounts: Accounts = SHARED) -> None:
        self._accounts = accounts

    def schema(self) -> dict[str, Any]:
        """Made from the inputs' model."""
        computed = {**self.computed, OWNER: {"type": "string"}}
        return schema.resource(self.model, computed, self.secret_properties)

    async def check(self, op: Operation, olds: Props | None, news: Props) -> Checked:  # noqa: ARG002
        """Every mistake at once, without asking the API."""
        return inputs.checked(self.model, news)

    def diff(self, id: str, state: Props, old_inputs: Props, news: Props) -> list[Change]:  # noqa: A002, ARG002
        """Leaf by leaf; a property of `replaced_by` costs a replacement."""
        return [self._priced(one) for one in differences(*comparable(old_inputs, news))]

    def _priced(self, change: Change) -> Change:
        top = re.split(r"[.\[]", change.path, maxsplit=1)[0]
        if top not in self.replaced_by:
            return change
        return Change(change.path, change.kind, replace=True, reason=self.replaced_by[top])

    async def preview(
        self,
        op: Operation,
        id: str | None,  # noqa: A002
        state: Props,
        old_inputs: Props,
        news: Props,
    ) -> Props:
        """Outputs as far as they are known, after asking whether all of it is sold."""
        if news.get("zone") is not UNKNOWN:
            with self._forgiving(op):
                session = self.session(op, news["zone"])
                await self.check_sold(session, self.products(op), old_inputs, news)
        known = dict.fromkeys(self.computed, UNKNOWN) if id is None else self._kept(state)
        return {**known, **news}

    def _kept(self, state: Props) -> Props:
        return {name: state.get(name, UNKNOWN) for name in self.computed}

    async def check_sold(
        self, session: Session, products: Products, old_inputs: Props, news: Props
    ) -> None:
        """Raises KokunaiError when the API does not sell what the inputs name."""
        if old_inputs.get("zone") != news["zone"]:
            await products.check_zone(session)

    def session(self, op: Operation, zone: str) -> Session:
        """The account of the configuration, for one operation in one zone."""
        return Session(self._accounts.of(op.config).api, op, zone)

    def products(self, op: Operation) -> Products:
        """What the account's zones sell."""
        return self._accounts.of(op.config).products

    def refuse_other(self, op: Operation, found: Found | None, news: Props) -> None:
        """What a killed create left can be taken over only as far as it can become `news`."""
        if found is None:
            return
        fixed = [
            one for one in self.diff(found.id, found.outputs, found.inputs, news) if one.replace
        ]
        if fixed:
            raise _leftover(op, found.id, ", ".join(one.path for one in fixed))

    @contextlib.contextmanager
    def _forgiving(self, op: Operation) -> Iterator[None]:
        """A preview is worth something without credentials, too."""
        try:
            yield
        except (Unauthorized, Passing) as error:
            op.warn(f"販売状況を確かめられません / could not check what is sold: {said(error)}")
        except KokunaiError as error:
            if self._accounts.can_open(op.config):
                raise
            op.warn(str(error))


def comparable(old_inputs: Props, news: Props) -> tuple[Props, Props]:
    """Both sides without what the API did not know at an import."""
    absent = [name for name in GOVERNING if name not in old_inputs]
    return old_inputs, {key: one for key, one in news.items() if key not in absent}


def place_of(id_: str, *known: Props) -> tuple[str, str]:
    """Zone and API id: an import names `zone/id`, everything else knows its zone already."""
    match = _PLACED_ID.match(id_)
    if match is None:
        raise KokunaiError(
            ja=f"ID「{id_}」は読めません。zone/123456789012 の形で指定してください。",
            en=f'The id "{id_}" cannot be read; write it as zone/123456789012.',
        )
    zones = [match["zone"], *(one.get("zone") for one in known)]
    zones += [os.environ.get(name) for name in _ZONE_VARIABLES]
    zone = next((one for one in zones if one), None)
    if zone is None:
        raise KokunaiError(
            ja=f"ID「{id_}」のゾーンが分かりません。zone/{id_} の形で指定してください。",
            en=f'The zone of the id "{id_}" is not known; write zone/{id_}.',
        )
    return str(zone), match["id"]


def described(op: Operation, props: Props) -> str:
    """The description as the API keeps it."""
    return trailer.write(props.get("description", ""), op.digest, props)


def tags_of(op: Operation, props: Props) -> list[str]:
    """The tags as the API keeps them."""
    return sorted({*props.get("tags", []), op.digest})


def own_tags(tags: list[str] | None) -> list[str]:
    """Tags as inputs: without ours and without the API's marks of a former id."""
    return sorted(tag for tag in tags or [] if not tag.startswith(("kokunai-", "@previous-id=")))


def said_by(item: dict[str, Any]) -> Props:
    """Description, site and labels as inputs."""
    parts = trailer.read(item.get("Description") or "")
    return {"description": parts.text, **trailer.governed(parts)}


@contextlib.contextmanager
def keeping(id_: str, outputs: Props) -> Iterator[Props]:
    """Whatever goes wrong inside leaves something behind: its id must not be lost.

    `outputs` is filled in by the block as it learns more.
    """
    try:
        yield outputs
    except InitFailed:
        raise
    except Exception as error:  # a bug must not lose a server that is paid for
        raise InitFailed(id_, outputs, [reason_of(error)]) from error


def _leftover(op: Operation, id_: str, paths: str) -> KokunaiError:
    return KokunaiError(
        ja=f"{op.name} には、中断した作成の残り {id_} があり、{paths} が入力と違います。"
        "入力を戻して pulumi up を終えてから変えるか、それを API で消してください。",
        en=f"An interrupted create left {id_} for {op.name}, and {paths} differs from the inputs. "
        "Put the inputs back, finish pulumi up and change them then, or delete it by the API.",
    )


def remake(op: Operation) -> KokunaiError:
    """What the API could not make stays broken; only another one helps."""
    again = f"pulumi up --replace '{op.urn}'"
    return KokunaiError(
        ja=f"{op.name} は API が作成に失敗しました。作り直してください: {again}",
        en=f"The API failed to make {op.name}; replace it with: {again}",
    )


def reason_of(error: Exception) -> str:
    """Why something is not finished, for the user."""
    if isinstance(error, SakuraError):
        return said(error)
    if isinstance(error, Cancelled):
        return (
            "途中で中断されました。次の pulumi up が続きを行います。\n"
            "Cancelled half-way; the next `pulumi up` continues."
        )
    if isinstance(error, KokunaiError | TimeoutError):
        return str(error)
    return bug(error)
