"""Reads and checks waivers of rules, with requester, approver, reason and last day."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from kokunai import yaml_reader
from kokunai.errors import Problem
from kokunai_policy.levels import Level, levels
from kokunai_policy.waiver_places import NAMED, Place, place_fields, place_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LIMIT_DAYS: Final = 90
"""The most days from today until the last day of a waiver."""
FILE: Final = "waivers.yaml"
_SHOWN: Final = f"policies/{FILE}"
"""How messages name the file of a project."""

_TERMS = ("reason", "requester", "approver", "ticket", "expires")
_TYPE_FIELDS = ("type", *_TERMS)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Waiver:
    """A rule that is waived at a place, valid including its last day (Japan time)."""

    rule: str
    place: Place
    reason: str
    requester: str
    approver: str
    ticket: str
    expires: date

    def covers(self, rule: str, *, urn: str, type_: str, name: str, stack: str = "") -> bool:
        """Whether it is for this rule and this resource."""
        return self.rule == rule and self.place.holds(urn=urn, type_=type_, name=name, stack=stack)


@dataclass(frozen=True)
class Waivers:
    """The entries of a waiver file; an invalid entry waives nothing and is a problem."""

    entries: tuple[Any, ...] = ()
    types: tuple[Any, ...] = ()
    broken: tuple[Problem, ...] = ()
    file: str = _SHOWN
    """The file that was read, as messages name it."""
    beside: str = ""
    """The file that the project's program reads, where a pack reads another one."""

    def problems(self, today: date) -> list[Problem]:
        """Everything that is wrong with the entries on this day."""
        problems = list(self.broken)
        for index, entry in enumerate(self.entries):
            problems.extend(_entry_problems(entry, f"waivers[{index}]", today))
        for index, entry in enumerate(self.types):
            problems.extend(_type_problems(entry, f"allowed_types[{index}]", today))
        return [self._named(problem) for problem in problems]

    def _named(self, problem: Problem) -> Problem:
        texts = (text.replace(_SHOWN, self.file, 1) for text in (problem.ja, problem.en))
        return Problem(problem.path, *texts)

    def valid(self, today: date) -> Iterator[Waiver]:
        """The entries that are valid on this day."""
        for entry in self.entries:
            if not list(_entry_problems(entry, "", today)):
                place = Place(**{name: entry[name] for name in place_fields(entry)})
                texts = {name: entry[name] for name in _TERMS if name != "expires"}
                last_day = date.fromisoformat(entry["expires"])
                yield Waiver(entry["rule"], place, **texts, expires=last_day)

    def allows_type(self, type_: str, today: date) -> bool:
        """Whether this exact type was examined and is allowed on this day."""
        return any(
            entry.get("type") == type_
            for entry in self.types
            if isinstance(entry, Mapping) and not list(_type_problems(entry, "", today))
        )


def in_folder(folder: Path, *, file: str = _SHOWN, beside: str = "") -> Waivers:
    """Waivers of the file in this folder, none without a file; mistakes become problems.

    `file` is what messages call it, and `beside` the one that the project's program reads.
    """
    return replace(_in_folder(folder), file=file, beside=beside)


def _in_folder(folder: Path) -> Waivers:
    try:
        content = yaml_reader.read(folder / FILE)
    except FileNotFoundError:
        return Waivers()
    except yaml_reader.NotYaml as error:
        problem = _problem("", f"YAML として読めません: {error}", f"not YAML: {error}")
        return Waivers(broken=(problem,))
    except OSError:
        return Waivers(broken=(_problem("", "読めません", "cannot be read"),))
    return read({} if content is None else content)


def read(content: Any) -> Waivers:
    """Waivers of a file's parsed content; mistakes become problems, never errors."""
    if not isinstance(content, Mapping):
        content = {"waivers": content}
    lists = {name: content.get(name) or [] for name in ("waivers", "allowed_types")}
    broken = [
        _problem(name, "一覧ではありません", "is not a list")
        for name, value in lists.items()
        if not isinstance(value, list)
    ]
    broken += [
        _problem(str(name), "このキーはありません", "there is no such key")
        for name in content
        if name not in lists
    ]
    good = {name: tuple(value) for name, value in lists.items() if isinstance(value, list)}
    return Waivers(good.get("waivers", ()), good.get("allowed_types", ()), tuple(broken))


def _problem(path: str, ja: str, en: str) -> Problem:
    where = f"{_SHOWN} {path}".strip()
    return Problem(path, f"{where}: {ja}", f"{where}: {en}")


def _common_problems(entry: Any, path: str, fields: Iterable[str]) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield _problem(path, "項目が正しくありません", "is not an entry")
        return
    for name in fields:
        value = entry.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            yield _problem(f"{path}.{name}", f"{name} がありません", f"{name} is missing")
        elif name != "expires" and not isinstance(value, str):
            yield _problem(f"{path}.{name}", "文字列ではありません", "is not a string")
    for name in entry:
        if name not in fields:
            yield _problem(f"{path}.{name}", "このキーはありません", "there is no such key")
    if entry.get("requester") and _name(entry.get("requester")) == _name(entry.get("approver")):
        yield _problem(
            f"{path}.approver",
            "承認者は申請者と別の人でなければなりません",
            "the approver must not be the requester",
        )


def _name(person: Any) -> str:
    """A person's name in one spelling, so that requester and approver can be compared."""
    return unicodedata.normalize("NFKC", str(person)).strip().casefold()


def _entry_problems(entry: Any, path: str, today: date) -> Iterator[Problem]:
    places = place_fields(entry) if isinstance(entry, Mapping) else ()
    yield from _common_problems(entry, path, ("rule", *places, *_TERMS))
    if not isinstance(entry, Mapping):
        return
    if isinstance(rule := entry.get("rule"), str):
        yield from _rule_problems(rule, path)
    if places == NAMED:
        yield from (_problem(f"{path}.{key}", ja, en) for key, ja, en in place_problems(entry))
    yield from _day_problems(entry.get("expires"), path, today)


def _type_problems(entry: Any, path: str, today: date) -> Iterator[Problem]:
    yield from _common_problems(entry, path, _TYPE_FIELDS)
    if isinstance(entry, Mapping):
        yield from _day_problems(entry.get("expires"), path, today)


def _rule_problems(rule: str, path: str) -> Iterator[Problem]:
    level = levels().get(rule)
    if level is None:
        yield _problem(f"{path}.rule", f"規則 {rule} はありません", f"there is no rule {rule}")
    elif level is Level.CRITICAL:
        yield _problem(
            f"{path}.rule",
            f"規則 {rule} は critical のため免除できません",
            f"rule {rule} is critical and cannot be waived",
        )


def _day_problems(expires: Any, path: str, today: date) -> Iterator[Problem]:
    if expires is None:
        return  # reported as missing
    if (day := _day(expires)) is None:
        yield _problem(
            f"{path}.expires", "日付（YYYY-MM-DD）ではありません", "is not a date (YYYY-MM-DD)"
        )
    elif day < today:
        yield _problem(f"{path}.expires", f"{day} に期限が切れました", f"ended on {day}")
    elif day > today + timedelta(days=LIMIT_DAYS):
        latest = today + timedelta(days=LIMIT_DAYS)
        yield _problem(
            f"{path}.expires",
            f"期限は {LIMIT_DAYS} 日以内（{latest} まで）です",
            f"may end at most {LIMIT_DAYS} days from today ({latest})",
        )


def _day(text: Any) -> date | None:
    """The date in a text, since the YAML reader leaves dates as text; None if it is none."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except (TypeError, ValueError):
        return None
