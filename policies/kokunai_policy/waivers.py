"""Exceptions to rules: who asked, who agreed, why, and until which day."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from kokunai_policy import catalogue
from kokunai_policy.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kokunai_policy.model import Finding

LIMIT_DAYS: Final = 90
"""A waiver may not end later than this many days from today."""

_FIELDS = ("rule", "urn", "reason", "requester", "approver", "ticket", "expires")
_TYPE_FIELDS = ("type", "reason", "requester", "approver", "ticket", "expires")
_FILE = Path(__file__).parents[1] / "waivers.yaml"


@dataclass(frozen=True)
class Waiver:
    """One exception for one rule on one resource, valid on its last day too (Japan time)."""

    rule: str
    urn: str
    reason: str
    requester: str
    approver: str
    ticket: str
    expires: date

    def covers(self, finding: Finding, stack: str) -> bool:
        """Whether it is for this rule on exactly this resource."""
        if self.rule != finding.rule:
            return False
        if finding.urn:
            return self.urn == finding.urn
        if stack and not self.urn.startswith(f"urn:pulumi:{stack}::"):
            return False
        # Before registration a resource has no URN yet; type and name are its exact end.
        head, _, name = self.urn.rpartition("::")
        return name == finding.name and head.rpartition("::")[2].split("$")[-1] == finding.type


@dataclass(frozen=True)
class Problem:
    """What is wrong with the file or one of its entries."""

    path: str
    ja: str
    en: str


@dataclass(frozen=True)
class Waivers:
    """The entries of one waiver file; a broken entry waives nothing and is a problem."""

    entries: tuple[Any, ...] = ()
    types: tuple[Any, ...] = ()
    broken: tuple[Problem, ...] = ()

    def problems(self, today: date) -> list[Problem]:
        """Everything that is wrong on this day."""
        found = list(self.broken)
        for index, entry in enumerate(self.entries):
            found.extend(_entry_problems(entry, f"waivers[{index}]", today))
        for index, entry in enumerate(self.types):
            found.extend(_type_problems(entry, f"allowed_types[{index}]", today))
        return found

    def valid(self, today: date) -> Iterator[Waiver]:
        """The entries that waive something on this day."""
        for index, entry in enumerate(self.entries):
            if not list(_entry_problems(entry, f"waivers[{index}]", today)):
                yield Waiver(**{name: entry[name] for name in _FIELDS})

    def waiver(self, finding: Finding, today: date, stack: str = "") -> Waiver | None:
        """The exception that covers the finding, if any."""
        if finding.level is Level.CRITICAL:
            return None
        return next((one for one in self.valid(today) if one.covers(finding, stack)), None)

    def allows_type(self, token: str, today: date) -> bool:
        """Whether this exact type was examined and is allowed on this day."""
        return any(
            entry.get("type") == token
            for entry in self.types
            if isinstance(entry, Mapping) and not list(_type_problems(entry, "", today))
        )


def read(text: str) -> Waivers:
    """Waivers of a file's text; never raises, mistakes are problems."""
    try:
        content = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = " ".join(str(error).split())
        return Waivers(
            broken=(_problem("", f"YAML として読めません: {where}", f"not YAML: {where}"),)
        )
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


@cache
def default() -> Waivers:
    """Waivers of the file beside the policy pack; none where there is no such file."""
    try:
        return read(_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Waivers()
    except (OSError, UnicodeDecodeError):
        return Waivers(broken=(_problem("", "読めません", "cannot be read"),))


def _problem(path: str, ja: str, en: str) -> Problem:
    where = f"policies/waivers.yaml {path}".strip()
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
    """The same person however written."""
    return unicodedata.normalize("NFKC", str(person)).strip().casefold()


def _entry_problems(entry: Any, path: str, today: date) -> Iterator[Problem]:
    yield from _common_problems(entry, path, _FIELDS)
    if not isinstance(entry, Mapping):
        return
    if isinstance(rule := entry.get("rule"), str):
        yield from _rule_problems(rule, path)
    yield from _day_problems(entry.get("expires"), path, today)


def _type_problems(entry: Any, path: str, today: date) -> Iterator[Problem]:
    yield from _common_problems(entry, path, _TYPE_FIELDS)
    if isinstance(entry, Mapping):
        yield from _day_problems(entry.get("expires"), path, today)


def _rule_problems(rule: str, path: str) -> Iterator[Problem]:
    level = catalogue.levels().get(rule)
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
    # A date-time is a date to isinstance, and would compare with none.
    if type(expires) is not date:
        yield _problem(
            f"{path}.expires", "日付 (YYYY-MM-DD) ではありません", "is not a date (YYYY-MM-DD)"
        )
    elif expires < today:
        yield _problem(f"{path}.expires", f"{expires} に期限が切れました", f"ended on {expires}")
    elif expires > today + timedelta(days=LIMIT_DAYS):
        latest = today + timedelta(days=LIMIT_DAYS)
        yield _problem(
            f"{path}.expires",
            f"期限は {LIMIT_DAYS} 日以内({latest} まで)です",
            f"may end at most {LIMIT_DAYS} days from today ({latest})",
        )
