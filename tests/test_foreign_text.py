"""Foreign text is one printable, bounded line."""

import pytest

from kokunai.foreign_text import LONGEST, shown


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("plain 日本語 text", "plain 日本語 text"),
        ("\x1b]0;title\x07\x1b[2Jgone", "]0;title [2Jgone"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("\u202eleft\u2066right\u200b", "left right"),
        ("\ud800 half", "half"),
        (None, "None"),
    ],
)
def test_what_moves_the_cursor_or_hides_text_is_a_space(raw, line):
    assert shown(raw) == line


def test_long_text_is_cut_and_the_cut_is_marked():
    line = shown("x" * 10_000)

    assert len(line) == LONGEST
    assert line.endswith("x…")
