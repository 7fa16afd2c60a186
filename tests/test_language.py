"""`KOKUNAI_LANG` chooses the language of errors and texts, and lines are cut by what they take."""

from __future__ import annotations

import pytest

from kokunai.errors import KokunaiError, Problem
from kokunai.language import chosen, width, worded, wrapped
from kokunai.program_errors import ProgramError, told_without_traceback


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ja", "だめです"),
        ("en", "no"),
        ("both", "だめです\nno"),
        (" EN ", "no"),
        ("fr", "だめです\nno"),
        ("", "だめです\nno"),
    ],
)
def test_an_error_and_a_problem_speak_the_language_that_was_asked_for(monkeypatch, asked, said):
    monkeypatch.setenv("KOKUNAI_LANG", asked)

    error = KokunaiError(ja="だめです", en="no")
    with pytest.raises(ProgramError) as refusal, told_without_traceback():
        raise error

    assert [str(error), str(refusal.value), Problem("a", "だめです", "no").text] == [said] * 3
    assert worded("だめです", "no") == said


@pytest.mark.parametrize(
    ("text", "ja", "en"),
    [
        ("電源を切っています / powering off", "電源を切っています", "powering off"),
        ("止めました。 The lab is down.", "止めました。", "The lab is down."),
        ("中断されました。\nCancelled.", "中断されました。", "Cancelled."),
        ("/a / b を作る / make /a / b", "/a / b を作る", "make /a / b"),
        # What cannot be told apart is shown whole.
        ("plain / text", "plain / text", "plain / text"),
        ("だめ (山)\nno (山)", "だめ (山)\nno (山)", "だめ (山)\nno (山)"),
        ("だめ\nssh: refused\nmore", "だめ\nssh: refused\nmore", "だめ\nssh: refused\nmore"),
        ("日本語だけ", "日本語だけ", "日本語だけ"),
    ],
)
def test_one_half_of_a_text_in_both_languages_is_chosen(monkeypatch, text, ja, en):
    assert chosen(text) == text

    monkeypatch.setenv("KOKUNAI_LANG", "ja")
    assert chosen(text) == ja

    monkeypatch.setenv("KOKUNAI_LANG", "en")
    assert chosen(text) == en


@pytest.mark.parametrize(
    ("text", "columns"),
    [("fail", 4), ("不合格", 6), ("ｶﾅ", 2), ("か\u3099", 2), ("Ａ1", 3), ("", 0)],
)
def test_full_width_characters_take_two_columns(text, columns):
    assert width(text) == columns


TEXT = "スタックファイルを検査します（規則も含む）。 Check stack files, and say what the rules say."


@pytest.mark.parametrize("columns", [12, 20, 37, 80])
def test_a_line_is_never_wider_than_it_may_be_nor_cut_within_a_word(columns):
    lines = wrapped(TEXT, columns)

    assert max(map(width, lines)) <= columns
    words = {word for line in lines for word in line.split() if word.isascii()}
    assert words <= set(TEXT.split())
    assert "".join(lines).replace(" ", "") == TEXT.replace(" ", "")
    assert not any(line.startswith(("。", "）", "ー")) or line.endswith("（") for line in lines)


def test_a_word_that_is_longer_than_a_line_stays_whole():
    assert wrapped("a https://example.jp/very/long b", 10) == [
        "a",
        "https://example.jp/very/long",
        "b",
    ]
