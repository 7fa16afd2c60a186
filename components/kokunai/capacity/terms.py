"""Reads what only a driver knows of a row of the catalogue, its `terms`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kokunai.errors import KokunaiError
from kokunai.problems import translated

if TYPE_CHECKING:
    from kokunai.catalog import Image, Offer, Service


class Terms(BaseModel):
    """Base of the models of a driver's terms."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_TermsType = TypeVar("_TermsType", bound=Terms)


def terms_of(row: Offer | Service | Image, model: type[_TermsType]) -> _TermsType:
    """Terms of a row of the catalogue. Raises KokunaiError naming what is wrong with them."""
    try:
        return model.model_validate(row.terms)
    except ValidationError as error:
        problem = next(translated(error, model))
    raise KokunaiError(
        ja=f"カタログの行 {row.key} の terms.{problem.path}: {problem.ja}",
        en=f"terms.{problem.path} of row {row.key} in the catalogue: {problem.en}",
    )
