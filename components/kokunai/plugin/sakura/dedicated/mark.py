"""Reads and writes what a service's description keeps for us, because the API has no place for it.

The API lets nothing else be written: tags are set in the control panel alone. The mark stands
behind the user's own text, which stays as it is and is all that is left after a release.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kokunai.drivers.sakura_phy import LONGEST_DESCRIPTION
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import mark_of
from kokunai.plugin.sakura import description_mark

if TYPE_CHECKING:
    from kokunai.drivers.sakura_phy_views import Service
    from kokunai.plugin.kind import Operation, Props

PREFIX = "kokunai."
"""Labels that begin so are ours."""
_NAME, _IMAGE, _INSTALLATION = (f"{PREFIX}{word}" for word in ("name", "image", "installation"))
_DONE, _BEGUN = "done-", "begun-"


@dataclass(frozen=True)
class Mark:
    """Whose a service is and what was done to it; an empty `place` is nobody's."""

    text: str = ""
    """What the user wrote."""
    place: str = ""
    owner: str = ""
    site: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""
    image: str = ""
    """The operating system that was asked for; empty where none was installed."""
    installation: str = ""
    """A random word that each installation has of its own; empty where there was none."""
    is_installed: bool = False
    """Whether the installation has ended; one that was begun may have been interrupted."""

    @property
    def digest(self) -> str:
        """What the operation has whose mark this is."""
        return mark_of(self.place, self.owner) if self.place and self.owner else self.place

    def is_of(self, op: Operation) -> bool:
        """Whether this is the whole mark of an operation's resource."""
        return (self.place, self.owner) == (op.place, op.owner)


def read(service: Service) -> Mark:
    """The mark of a service."""
    found = description_mark.read(service.description or "")
    if not found.digest:
        return Mark(text=service.description or "")
    own = {key: value for key, value in found.labels.items() if key.startswith(PREFIX)}
    told = own.get(_INSTALLATION, "")
    return Mark(
        text=found.text,
        place=found.digest,
        owner=found.owner,
        site=found.site,
        labels={key: value for key, value in found.labels.items() if key not in own},
        name=own.get(_NAME, ""),
        image=own.get(_IMAGE, ""),
        installation=told.removeprefix(_DONE).removeprefix(_BEGUN),
        is_installed=told.startswith(_DONE),
    )


def of(op: Operation, props: Props, before: Mark) -> Mark:
    """The mark of an operation's resource, which keeps what `before` says of the machine."""
    return replace(
        before,
        place=op.place,
        owner=op.owner,
        site=props["site"],
        labels=dict(props["labels"]),
        name=props["name"],
    )


def of_state(service: Service, state: Props) -> Mark:
    """What a mark that somebody removed said of the machine, as the state has it."""
    _, _, word = str(state.get("hostIdentity", "")).partition("-")
    return Mark(
        text=service.description or "",
        image=str(state.get("osImage", "")) if word else "",
        installation=word,
        is_installed=bool(word) and state.get("installation") != "begun",
    )


def begun(mark: Mark, image: str) -> Mark:
    """The mark of an installation that is about to begin; what it does not survive is done again.

    Nothing has been told of the machine before an installation has ended, so that a repeated one
    keeps its word.
    """
    return replace(mark, image=image, installation=secrets.token_hex(4), is_installed=False)


def description(mark: Mark) -> str | None:
    """The description that keeps the mark. Raises KokunaiError where there is no room for it."""
    if not mark.place:
        return mark.text or None
    state = (_DONE if mark.is_installed else _BEGUN) + mark.installation
    own = {_NAME: mark.name, _IMAGE: mark.image, _INSTALLATION: mark.installation and state}
    kept: dict[str, Any] = {key: value for key, value in own.items() if value}
    digest = f"{mark.place}-{mark.owner}" if mark.owner else mark.place
    text = description_mark.write(
        mark.text, digest, {"site": mark.site, "labels": {**mark.labels, **kept}}
    )
    if (excess := len(text) - LONGEST_DESCRIPTION) > 0:
        raise KokunaiError(
            ja=f"{mark.name} の管理用の印が、サービスの「説明」に収まりません。コントロールパネルで"
            f"説明を {excess} 文字以上短くしてください。",
            en=f"the mark of {mark.name} does not fit into the description of the service; "
            f"shorten that by {excess} characters in the control panel",
        )
    return text
