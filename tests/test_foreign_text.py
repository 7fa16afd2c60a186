"""Foreign text is one printable, bounded line."""

import pytest

from kokunai.foreign_text import LONGEST, LONGEST_LINE, MOST_LINES, shown, shown_lines


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


def test_a_message_of_several_lines_keeps_its_lines_and_margins():
    message = "一行目\n  two\x1b[2J\n\tthree\u202e\r\n\nend\u2028forged"

    assert shown_lines(message) == "一行目\n  two [2J\n    three \n\nend forged"


def test_a_message_without_end_is_cut_in_the_middle():
    lines = shown_lines("\n".join(map(str, range(100_000)))).split("\n")

    assert len(lines) == MOST_LINES + 1
    assert (lines[0], lines[-1]) == ("0", "99999")
    assert len(shown_lines("x" * 10**6)) == LONGEST_LINE + 1
