"""Finds the operating system that is meant among those that a server can have."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.drivers.sakura_phy_views import OsImage

_MOST_SHOWN = 20


def chosen(images: Sequence[OsImage], wanted: str, login_user: str = "") -> OsImage:
    """The image of this id, or the only one with all of these words in its name or id.

    Raises KokunaiError where there is none or several, where it takes no keys, or where its user
    is another one than the nodes will be reached as.
    """
    found = [row for row in images if row.os_image_id == wanted]
    found = found or [row for row in images if _has_words(row, wanted)]
    if len(found) != 1:
        raise _not_one(wanted, found, images)
    [image] = found
    if not image.public_key_authentication:
        raise KokunaiError(
            ja=f"OS イメージ {shown(image.name, 64)} は SSH 公開鍵に対応していません。",
            en=f"the OS image {shown(image.name, 64)} takes no SSH public keys.",
        )
    if login_user and image.superuser_name != login_user:
        user = shown(image.superuser_name, 32)
        raise KokunaiError(
            ja=f"OS イメージ {shown(image.name, 64)} のユーザーは {user} で、{login_user} では"
            "ありません。カタログの行の login_user を合わせてください。",
            en=f"the user of the OS image {shown(image.name, 64)} is {user} and not {login_user}; "
            "put it into the row of the catalogue as login_user.",
        )
    return image


def _has_words(image: OsImage, wanted: str) -> bool:
    texts = [_plain(image.name), _plain(image.os_image_id)]
    words = [_plain(word) for word in wanted.split()]
    return bool(words) and all(any(word in text for text in texts) for word in words)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", text).casefold())


def _not_one(wanted: str, found: list[OsImage], images: Sequence[OsImage]) -> KokunaiError:
    rows = (found or list(images))[:_MOST_SHOWN]
    listed = ", ".join(f"{shown(row.os_image_id, 40)} ({shown(row.name, 60)})" for row in rows)
    if found:
        return KokunaiError(
            ja=f"OS イメージ「{wanted}」に当たるものが複数あります: {listed}",
            en=f'several OS images are meant by "{wanted}": {listed}',
        )
    return KokunaiError(
        ja=f"OS イメージ「{wanted}」はインストールできません。選べるもの: {listed or 'なし'}",
        en=f'the OS image "{wanted}" cannot be installed; choose one of: {listed or "none"}',
    )
