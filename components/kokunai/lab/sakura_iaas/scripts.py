"""Puts the variables of a startup script in, by the rules of its @sacloud lines."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

# The form of these lines is that of manual.sakura.ad.jp/cloud/startup-script and of the scripts
# in github.com/sakura-internet/cloud-startupscripts.
_DECLARATION = re.compile(
    r"^#\s*@sacloud-(?:text|textarea|password|number|checkbox|select\S*|radios\S*)\s+(.*)$",
    re.MULTILINE,
)
_API_KEY = re.compile(r"^#\s*@sacloud-apikey\b", re.MULTILINE)
_PLACE = re.compile(r"@@@([A-Za-z_][A-Za-z0-9_]*)@@@")
_FLAGS = ("required", "shellarg", "multi")


@dataclass(frozen=True)
class _Variable:
    name: str
    options: dict[str, str]
    """A flag, such as `required`, has an empty value."""

    def value(self, given: dict[str, Any]) -> str:
        """The text for the script. Raises 400 for a missing or too long value."""
        value = _text(given.get(self.name), self.options.get("default", ""), self.name)
        if not value and "required" in self.options:
            refuse("missing_param", f"Notes.Variables.{self.name}")
        longest = self.options.get("maxlen", "")
        if longest.isdigit() and len(value) > int(longest):
            refuse("invalid_range", f"Notes.Variables.{self.name} <= {longest}")
        return shlex.quote(value) if "shellarg" in self.options else value


def _text(value: Any, default: str, name: str) -> str:
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return "1" if value else ""
    if not isinstance(value, (str, int, float)):
        refuse("invalid_format", f"Notes.Variables.{name}")
    return str(value)


def _declared(line: str) -> _Variable:
    name, options = "", {}
    for word in _words(line):
        key, is_option, value = word.partition("=")
        if is_option or key in _FLAGS:
            options[key] = value
        elif not name:
            name = key
    return _Variable(name, options)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def filled(content: str, given: Any) -> str:
    """The script with each `@@@name@@@` replaced. Raises 400 and 403.

    A name that is given without being declared is put in as it is; one that is declared and not
    given gets its default, or nothing.
    """
    if given is not None and not isinstance(given, dict):
        refuse("invalid_format", "Notes.Variables")
    if _API_KEY.search(content):
        refuse_as_absent("API キー（@sacloud-apikey）", "API keys for scripts (@sacloud-apikey)")
    values = {name: _text(value, "", name) for name, value in (given or {}).items()}
    for line in _DECLARATION.findall(content):
        variable = _declared(line)
        values[variable.name] = variable.value(given or {})
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), content)
