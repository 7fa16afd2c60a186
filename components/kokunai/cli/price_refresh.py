"""`kokunai offers --refresh`: compares with a seller's public price list, keeps what changed."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from pydantic_core import PydanticCustomError

from kokunai import capacity, catalog, price_file, project
from kokunai.catalog import Price, retirement
from kokunai.cli import local
from kokunai.drivers import sakura_prices
from kokunai.drivers.errors import DriverError
from kokunai.drivers.root_url import checked_root_url, is_this_machine
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.language import worded
from kokunai.plugin.messages import api_failure_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.catalog import Offer
    from kokunai.drivers.sakura_prices import Listed
    from kokunai.price_file import OwnPrice

_DRIVER = "sakura-iaas"
_UNITS = {
    "jpy_per_hour": ("1 時間", "an hour"),
    "jpy_per_day": ("1 日", "a day"),
    "jpy_per_month": ("1 か月", "a month"),
}


@dataclass(frozen=True)
class Change:
    """One figure of one offer that the list has otherwise than we."""

    offer: str
    unit: str
    old: float | None
    new: float

    @property
    def text(self) -> str:
        """For a person."""
        ja, en = _UNITS[self.unit]
        old = "-" if self.old is None else f"{self.old:,g}"
        return worded(
            f"{self.offer}: {ja} {old} 円 → {self.new:,g} 円",
            f"{self.offer}: {old} yen -> {self.new:,g} yen {en}",
            " / ",
        )


def run(*, as_json: bool) -> None:
    """Ask the list, print what changed, and write it; a strange answer changes nothing.

    What a lab on this machine says is only compared: real stacks use the file, too.
    Raises KokunaiError where the list cannot be had or read, or lacks what is sold.
    """
    root = project.root(Path.cwd())
    known = price_file.read(root)
    url = _root_url(root)
    listed = _ask(url, _with_a_list())
    fresh, changes = compared(listed, known, url)
    if changes and not _is_of_a_lab(url):
        price_file.write(root, {**known, **fresh})
    elif changes:
        _tell_unwritten()
    if as_json:
        click.echo(json.dumps([vars(change) for change in changes], ensure_ascii=False, indent=2))
        return
    for change in changes:
        click.echo(change.text)
    if not changes:
        said = "価格は変わっていません。", "No price has changed."
        click.echo(worded(*said, " / "), err=True)


def _is_of_a_lab(url: str) -> bool:
    return is_this_machine(urlsplit(url).hostname or "")


def _tell_unwritten() -> None:
    said = (
        f"このマシンの価格表はラボのものなので、比べるだけで {price_file.NAME} には書きません。",
        f"A price list on this machine is a lab's, so {price_file.NAME} is not written.",
    )
    click.echo(worded(*said, " / "), err=True)


def compared(
    listed: Iterable[tuple[Offer, Listed]], known: dict[str, OwnPrice], url: str
) -> tuple[dict[str, OwnPrice], list[Change]]:
    """Rows to write, and what changes by them; a row that somebody wrote by hand stays."""
    fresh: dict[str, OwnPrice] = {}
    changes: list[Change] = []
    for offer, told in listed:
        own = known.get(offer.key)
        if own is not None and not own.source.endswith(sakura_prices.PATH):
            continue
        old = own.price if own else offer.price
        new = _priced(told, offer)
        found = [
            Change(offer.key, unit, getattr(old, unit, None), getattr(new, unit))
            for unit in _UNITS
            if getattr(old, unit, None) != getattr(new, unit)
        ]
        if found:
            source = f"{url.rstrip('/')}/{offer.terms['zone']}/{sakura_prices.PATH}"
            fresh[offer.key] = price_file.OwnPrice(
                price=new, source=source, as_of=retirement.today()
            )
            changes += found
    return fresh, changes


def _priced(told: Listed, offer: Offer) -> Price:
    """The list does not say whether tax is in it; the catalogue's word about that stays."""
    return Price(
        jpy_per_hour=told.hourly,
        jpy_per_day=told.daily,
        jpy_per_month=told.monthly,
        tax=offer.price.tax if offer.price else "not-stated",
    )


def _with_a_list() -> list[Offer]:
    return [row for row in catalog.offers() if row.price_class and row.driver == _DRIVER]


def _root_url(root: Path) -> str:
    """Where the list is asked: the lab of this project, the environment, or Sakura."""
    variables = {**os.environ, **local.environment(root)}
    url = capacity.provider_inputs(variables)["sakuraApiRootUrl"]
    try:
        return checked_root_url(url, "sakura.ad.jp")
    except PydanticCustomError as error:
        said: dict[str, Any] = error.context or {}
        raise KokunaiError(
            ja=f"SAKURA_API_ROOT_URL: {said.get('ja')}", en=f"SAKURA_API_ROOT_URL: {said.get('en')}"
        ) from None


def _ask(url: str, offers: list[Offer]) -> list[tuple[Offer, Listed]]:
    """Each offer with what its zone's list says of it."""
    zones = dict.fromkeys(str(offer.terms["zone"]) for offer in offers)
    click.echo(worded(f"{shown(url)} に尋ねます。", f"asking {shown(url)}", " / "), err=True)
    lists = {
        zone: _list(url, zone, [row for row in offers if row.terms["zone"] == zone])
        for zone in zones
    }
    return [(offer, lists[offer.terms["zone"]][offer.price_class]) for offer in offers]


def _list(url: str, zone: str, offers: list[Offer]) -> dict[str, Listed]:
    classes = frozenset(offer.price_class for offer in offers)
    try:
        found = asyncio.run(sakura_prices.listed(url, zone, classes))
    except DriverError as error:
        ja, _, en = api_failure_text(error).partition("\n")
        raise KokunaiError(
            ja=f"価格表を取得できないため、何も変えません。{ja}",
            en=f"the price list cannot be had, so nothing is changed; {en or ja}",
        ) from None
    if missing := [offer.key for offer in offers if offer.price_class not in found]:
        names = ", ".join(missing)
        raise KokunaiError(
            ja=f"{zone} の価格表に {names} がないため、何も変えません。",
            en=f"the price list of {zone} lacks {names}, so nothing is changed",
        )
    return found
