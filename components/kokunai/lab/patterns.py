"""Searches paths for a regular expression in bounded time, since Python's own search may hang.

Python's parser reads the expression, then all its readings are followed side by side, a character
at a time: the work is at most the length of the path times the size of the expression.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Private to `re`, but the same since Python 3.11, and a parser of our own would read differently.
_PARSER: Any = importlib.import_module("re._parser")
_LONGEST_PATTERN, _MOST_STATES = 200, 400
_LONGEST_PATH = 1024
_ONE_CHARACTER = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_PLACES = {
    "AT_BEGINNING": r"^",
    "AT_BEGINNING_STRING": r"\A",
    "AT_END": r"$",
    "AT_END_STRING": r"\Z",
    "AT_BOUNDARY": r"\b",
    "AT_NON_BOUNDARY": r"\B",
}


@dataclass
class _State:
    """A place in the expression: what it takes to leave it, and where that leads."""

    takes: Callable[[str], bool] | None = None
    """Whether a character is taken on the way; None where the way takes no character."""
    place: re.Pattern[str] | None = None
    """Where the way is open, such as `$`; None for everywhere."""
    next: list[int] = field(default_factory=list)


class Pattern:
    """A compiled expression; the empty one is found everywhere."""

    def __init__(self, text: str) -> None:
        """Raises ValueError saying what is wrong or not supported."""
        if len(text) > _LONGEST_PATTERN:
            raise ValueError(f"at most {_LONGEST_PATTERN} characters")
        try:
            # Compiled as well, because this refuses what the parser alone lets pass.
            flags = re.compile(text).flags
        except (re.error, RecursionError, OverflowError) as problem:
            raise ValueError(str(problem)) from None
        if flags != re.UNICODE:
            raise ValueError("flags such as (?i) are not supported here")
        self._states: list[_State] = []
        self._end = self._add(_State())
        self._start = self._sequence(_PARSER.parse(text), self._end)

    def found_in(self, path: str) -> bool:
        """Whether the expression matches anywhere in the first 1,024 characters."""
        path = path[:_LONGEST_PATH]
        current: set[int] = set()
        for position in range(len(path) + 1):
            current = self._reached({*current, self._start}, path, position)
            if self._end in current:
                return True
            if position < len(path):
                current = self._after(current, path[position])
        return False

    def _after(self, current: set[int], character: str) -> set[int]:
        states = (self._states[number] for number in current)
        return {
            following
            for state in states
            if state.takes is not None and state.takes(character)
            for following in state.next
        }

    def _reached(self, current: set[int], path: str, position: int) -> set[int]:
        """The places reached without taking a character."""
        reached, waiting = set(current), list(current)
        while waiting:
            state = self._states[waiting.pop()]
            is_open = state.place is None or state.place.match(path, position)
            for following in state.next if state.takes is None and is_open else ():
                if following not in reached:
                    reached.add(following)
                    waiting.append(following)
        return reached

    def _add(self, state: _State) -> int:
        if len(self._states) >= _MOST_STATES:
            raise ValueError("the expression is too large")
        self._states.append(state)
        return len(self._states) - 1

    def _sequence(self, parts: Any, following: int) -> int:
        """Where to begin so that the parts are taken in order and then `following` is reached."""
        for kind, value in reversed(list(parts)):
            following = self._one(str(kind), value, following)
        return following

    def _one(self, kind: str, value: Any, following: int) -> int:
        if kind in _ONE_CHARACTER:
            return self._add(_State(_test(kind, value), next=[following]))
        if kind == "AT":
            return self._add(_State(place=re.compile(_PLACES[str(value)]), next=[following]))
        if kind == "SUBPATTERN" and not value[1] and not value[2]:
            return self._sequence(value[3], following)
        if kind == "BRANCH":
            ways = [self._sequence(way, following) for way in value[1]]
            return self._add(_State(next=ways))
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, part = value
            return self._repeat(least, most, part, following)
        raise ValueError(f"not supported here: {kind.lower()}")

    def _repeat(self, least: int, most: int, part: Any, following: int) -> int:
        if most == _PARSER.MAXREPEAT:
            again = self._add(_State())
            self._states[again].next = [self._sequence(part, again), following]
            following = again
        else:
            after = following
            for _ in range(most - least):
                begin = self._sequence(part, following)
                following = self._add(_State(next=[begin, after]))
        for _ in range(least):
            # A state of its own, so that repeating nothing is counted too.
            following = self._add(_State(next=[self._sequence(part, following)]))
        return following


def _test(kind: str, value: Any) -> Callable[[str], bool]:
    if kind == "ANY":
        return lambda character: character != "\n"
    if kind == "IN":
        negated = str(value[0][0]) == "NEGATE"
        tests = [_test(str(name), given) for name, given in value if str(name) != "NEGATE"]
        return lambda character: any(test(character) for test in tests) is not negated
    if kind == "RANGE":
        return lambda character: value[0] <= ord(character) <= value[1]
    if kind == "CATEGORY":
        category = re.compile(_CATEGORIES[str(value)])
        return lambda character: category.match(character) is not None
    wanted = kind == "LITERAL"
    return lambda character: (ord(character) == value) is wanted
