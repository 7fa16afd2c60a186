"""What a person has allowed to be lost, and how it is said that it is not allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kokunai.plugin.settings import SectionModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY = "allowDataLoss"


class LossSettings(SectionModel):
    """What the stack allows to be lost."""

    allow_data_loss: str | None = None
    """Names, separated by commas, whose data may be lost. / データが失われてもよいものの名前。"""


def allowed(config: Mapping[str, Any]) -> frozenset[str]:
    """The names in a provider's configuration."""
    return frozenset(name for name in re.split(r"[,、\s]+", str(config.get(KEY) or "")) if name)


def remedy(names: Iterable[str]) -> tuple[str, str]:
    """How the loss is allowed, in both languages."""
    given = sorted(set(names))
    listed, command = ", ".join(given), f"pulumi config set kokunai:{KEY} {','.join(given)}"
    ja = (
        f"失われてもよい場合は、スタックファイルに allow_data_loss: [{listed}] と書くか、"
        f"{command} を実行してください。"
    )
    en = f"If that is meant, write allow_data_loss: [{listed}] in the stack file, or run {command}."
    return ja, en
