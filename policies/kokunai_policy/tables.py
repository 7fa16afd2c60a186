"""Prints the table of rules for a README: `python -m kokunai_policy.tables [README.md]`.

With a file, the table between the two marks in it is replaced.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from kokunai_policy.rulebook import rules

START: Final = "<!-- rules: made by python -m kokunai_policy.tables -->"
END: Final = "<!-- rules end -->"
_HEAD = ("| rule | level | what must hold | 守ること |", "|---|---|---|---|")


def table() -> str:
    """The Markdown table with one row per rule."""
    rows = (
        f"| {rule.id} | {rule.level.value} | {rule.en} | {rule.ja} |" for rule in rules().values()
    )
    return "\n".join([*_HEAD, *rows])


def with_table(text: str) -> str:
    """The text with a fresh table between the marks. Raises ValueError where they are missing."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the marks are missing: {START} ... {END}")
    return f"{before}{START}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Print the table, or put it into each file that is named."""
    if not arguments:
        print(table())
    for name in arguments:
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
