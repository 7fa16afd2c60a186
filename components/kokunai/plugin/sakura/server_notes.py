"""A startup script as a note of the account, only for as long as the API needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import NOTE
from kokunai.plugin.sakura.session import ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.sakura.session import Session


async def register(session: Session, script: str) -> str:
    """Id of the note, which the API reads while it configures the disk."""
    body = sakura_requests.note(name=session.op.digest, content=script)

    async def find() -> Item | None:
        return next(iter(await _own_notes(session)), None)

    return str((await session.make(NOTE, ready(body), find))["ID"])


async def remove_notes(session: Session) -> None:
    """The script is on the disk: the account should not keep a copy."""
    for note in await _own_notes(session):
        await session.delete(NOTE, str(note["ID"]))


async def _own_notes(session: Session) -> list[Item]:
    """The API makes a note's description from its content, so the name carries the digest."""
    name = session.op.digest
    notes = await session.call(lambda: session.api.find(NOTE, session.zone, {"Name": [name]}))
    return [one for one in notes if one.get("Name") == name]
