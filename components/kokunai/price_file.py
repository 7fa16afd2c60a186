"""Reads a project's own prices, which go before those of the catalogue, and writes them."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kokunai import catalog, yaml_reader
from kokunai.catalog import Price
from kokunai.cost import Own
from kokunai.errors import KokunaiError
from kokunai.problems import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kokunai.errors import Problem

NAME = "kokunai-prices.yaml"
"""Lies beside Pulumi.yaml."""
_HEAD = """\
# このプロジェクトの価格です。カタログの価格より優先します。
# `kokunai offers --refresh` が書き換えます。手で書いた行は残りますが、コメントは残りません。
# Prices of this project, which go before those of the catalogue. `kokunai offers --refresh` writes
# this file anew; rows written by hand stay, comments do not.
"""


class OwnPrice(BaseModel):
    """A price of one offer, with where it is from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: Price
    source: str = Field(pattern=r"\S")
    """For example the address of a price list, or the number of a contract."""
    as_of: date
    term_months: int | None = Field(default=None, ge=0, le=1200)
    """The term that was agreed; left out, that of the catalogue."""

    @property
    def own(self) -> Own:
        """As the cost is reckoned with it."""
        return Own(self.price, self.term_months)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prices: dict[str, OwnPrice] = {}


def read(root: Path) -> dict[str, OwnPrice]:
    """The project's prices by the offer's key, none without a file.

    Raises KokunaiError with every mistake of the file.
    """
    path = root / NAME
    try:
        content = yaml_reader.read(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise KokunaiError(
            ja=f"{NAME} を読めません（{reason}）。", en=f"{NAME} cannot be read: {reason}"
        ) from None
    except yaml_reader.NotYaml as error:
        raise KokunaiError(
            ja=f"{NAME} は YAML として読めません: {error.ja}", en=f"{NAME} is not YAML: {error}"
        ) from None
    return _checked(content)


def _checked(content: Any) -> dict[str, OwnPrice]:
    try:
        file = _File.model_validate(_without_empty(content))
    except ValidationError as error:
        raise _refused(translated(error, _File)) from None
    known = [offer.key for offer in catalog.offers()]
    if unknown := [key for key in file.prices if key not in known]:
        names, allowed = ", ".join(unknown), ", ".join(known)
        raise KokunaiError(
            ja=f"{NAME} の prices にカタログにない販売があります: {names}。"
            f"指定できるもの: {allowed}",
            en=f"prices in {NAME} has offers that the catalogue lacks: {names}; allowed: {allowed}",
        )
    return file.prices


def _without_empty(content: Any) -> Any:
    """A file, or its `prices:`, from which everything was taken out by hand has no price."""
    if content is None or (isinstance(content, dict) and content == {"prices": None}):
        return {}
    return content


def _refused(problems: Iterator[Problem]) -> KokunaiError:
    found = [(f"{NAME}: {one.path}" if one.path else NAME, one) for one in problems]
    return KokunaiError(
        ja="\n".join(f"{place}: {problem.ja}" for place, problem in found),
        en="\n".join(f"{place}: {problem.en}" for place, problem in found),
    )


def write(root: Path, prices: Mapping[str, OwnPrice]) -> None:
    """Put these rows into the file, at once and whole. Raises KokunaiError where it cannot."""
    rows = {key: _row(price) for key, price in sorted(prices.items())}
    text = yaml.safe_dump({"prices": rows}, allow_unicode=True, sort_keys=False, width=100)
    path, draft = root / NAME, root / f".{NAME}.{os.getpid()}"
    try:
        draft.write_text(f"{_HEAD}{text}", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise KokunaiError(
            ja=f"{path} に書けません（{reason}）。", en=f"{path} cannot be written: {reason}"
        ) from None


def _row(price: OwnPrice) -> dict[str, Any]:
    row = price.model_dump(mode="json", exclude_defaults=True)
    row["price"] = {key: _plain(value) for key, value in row["price"].items()}
    return row


def _plain(value: Any) -> Any:
    """990 instead of 990.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
