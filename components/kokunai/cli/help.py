"""Help pages in the reader's language, whose lines are measured by what they take on a terminal."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from kokunai.language import chosen, width, worded, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADINGS = {
    "Usage": "使い方",
    "Options": "オプション",
    "Commands": "コマンド",
    "Arguments": "引数",
}
_CLICKS = {
    "Show this message and exit.": "この説明を表示します / show this message",
    "Show the version and exit.": "バージョンを表示します / show the version",
}
"""What click itself says."""
_LINE_END = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n\s*(?=[\u3000-\u9fff\uff00-\uffef])")
"""A line of a docstring that ends between Japanese characters, where no space belongs."""
_WIDEST_TERM = 30


class _Formatter(click.HelpFormatter):
    """Click's own counts a full-width character as one column, and cuts Japanese anywhere."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or f"{_heading('Usage')}: ")

    def write_heading(self, heading: str) -> None:
        super().write_heading(_heading(heading))

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        paragraphs = (" ".join(_LINE_END.sub("", part).split()) for part in text.split("\n\n"))
        blocks = [
            "\n".join(indent + line for line in self._lines(part, self.width - len(indent)))
            for part in paragraphs
        ]
        self.write("\n\n".join(blocks) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = _WIDEST_TERM, col_spacing: int = 2
    ) -> None:
        rows = list(rows)
        column = min(max((width(term) for term, _ in rows), default=0), col_max) + col_spacing
        indent = " " * self.current_indent
        for term, text in rows:
            lines = self._lines(text, max(self.width - column - len(indent), 20))
            beside = [term, *[""] * (len(lines) - 1)]
            if width(term) + col_spacing > column:
                beside, lines = [*beside, ""], ["", *lines]
            for left, line in zip(beside, lines, strict=True):
                self.write(f"{indent}{left}{' ' * (column - width(left))}{line}".rstrip() + "\n")

    def _lines(self, text: str, columns: int) -> list[str]:
        """Each language on lines of its own, where both do not fit on one."""
        said, bracket, extra = text.partition("  [")  # which click adds, such as a default
        said = chosen(_CLICKS.get(said, said))
        whole = f"{said}{bracket}{extra}"
        if width(whole) <= columns or " / " not in said:
            return wrapped(whole, columns)
        ja, _, en = said.partition(" / ")
        return [*wrapped(ja, columns), *wrapped(f"{en}{bracket}{extra}", columns)]


class _Context(click.Context):
    formatter_class = _Formatter


def prepared(command: click.Command) -> click.Command:
    """The command, and those below it, with help pages of this kind."""
    command.context_class = _Context
    # Click would cut the first sentence off after so many characters.
    first = inspect.cleandoc(command.help or "").partition("\n\n")[0]
    command.short_help = " ".join(first.split())
    if isinstance(command, click.Group):
        for below in command.commands.values():
            prepared(below)
    return command


def _heading(english: str) -> str:
    ja = _HEADINGS.get(english)
    return worded(ja, english, " / ") if ja else english
