"""Errors that a user can fix, in Japanese and English, and the notation of property paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai.language import worded

if TYPE_CHECKING:
    from collections.abc import Iterable


class KokunaiError(Exception):
    """A mistake the user can fix: what is wrong, then what is allowed, Japanese first.

    As text it is in the languages that `KOKUNAI_LANG` asks for.
    """

    def __init__(self, *, ja: str, en: str) -> None:
        super().__init__(f"{ja}\n{en}")
        self.ja = ja
        self.en = en

    def __str__(self) -> str:
        return worded(self.ja, self.en)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake at a property path such as `pools[0].gpu`, in both languages."""

    path: str
    ja: str
    en: str

    @property
    def text(self) -> str:
        """What is wrong, in the languages that `KOKUNAI_LANG` asks for."""
        return worded(self.ja, self.en)


class Mistakes(KokunaiError):
    """Mistakes of a file: as text all of them together, and each by itself for programs."""

    def __init__(self, problems: Iterable[Problem], *, ja: str, en: str) -> None:
        super().__init__(ja=ja, en=en)
        self.problems = tuple(problems)
        """With paths from the top of the file; empty where a mistake is of the file as a whole."""


def path_text(keys: Iterable[str | int]) -> str:
    """A property path as Pulumi writes it: `("pools", 0, "gpu")` is `pools[0].gpu`."""
    return "".join(map(path_step, keys)).removeprefix(".")


def path_step(key: str | int) -> str:
    """One step of a path: `[0]`, `.gpu`, or `["a b"]` where the key is no identifier."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.replace("_", "a").isalnum() else f'["{key}"]'
