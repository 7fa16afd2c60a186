"""The verb of a command line of `pulumi` is found among options whose values look like verbs."""

from __future__ import annotations

import pytest

from kokunai import engine_words


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("pulumi", None),
        ("pulumi --cwd here up --yes", "up"),
        ("pulumi -m preview up", "up"),
        ("pulumi --config-file pre up", "up"),
        ("pulumi --tracing pre up", "up"),
        ("pulumi -s=preview -v3 --emoji up", "up"),
        ("pulumi --yes preview up", None),
        ("pulumi -y preview", None),
    ],
)
def test_the_value_of_an_option_is_no_verb(words: str, verb: str | None) -> None:
    assert engine_words.verb(words.split()) == verb


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("pulumi preview --stack dev --diff", True),
        ("pulumi -C x pre", True),
        ("pulumi preview up", False),
        ("pulumi --tracing preview up", False),
        ("pulumi --something preview", False),
        ("pulumi stack", False),
    ],
)
def test_what_may_change_anything_is_no_preview(words: str, answer: bool) -> None:
    assert engine_words.is_preview(words.split()) is answer
