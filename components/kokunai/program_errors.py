"""How a program of one's own ends when it is refused: with one message, without a traceback."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pulumi

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ProgramError(KokunaiError, pulumi.RunError):
    """A refusal as Pulumi prints it, in the words of the error that it stands for."""

    def __str__(self) -> str:
        return str(self.args[0])


@contextlib.contextmanager
def told_without_traceback() -> Iterator[None]:
    """A mistake that the user can fix ends the program with its message alone."""
    try:
        yield
    except ProgramError:
        raise
    except KokunaiError as error:
        refusal = ProgramError(ja=error.ja, en=error.en)
        refusal.args = (str(error),)
        raise refusal from None


def expect(value: Any, wanted: type, place: str) -> None:
    """Raises KokunaiError where an argument is no component of the wanted class."""
    if not isinstance(value, wanted):
        name, given = wanted.__name__, type(value).__name__
        raise KokunaiError(
            ja=f"{place}: {name} を渡してください（渡されたもの: {given}）",
            en=f"{place}: must be a {name} (got {given})",
        )


def refuse_outputs(given: Mapping[str, Any], place: str) -> None:
    """Raises KokunaiError where an argument becomes known only after something else was made."""
    for name, value in given.items():
        if isinstance(value, pulumi.Output):
            raise KokunaiError(
                ja=f"{place}.{name}: プレビューの時点で決まる値が必要です。Output は渡せません",
                en=f"{place}.{name}: must be known at preview; an Output cannot be given here",
            )
