"""The bounded search agrees with Python's own, and no expression makes it hang."""

from __future__ import annotations

import random
import re
import time

import pytest

from kokunai.lab.patterns import Pattern

PATHS = ["", "/", "/cloud/zone/is1a/api/cloud/1.1/disk/12/config", "/server", "aab", "a\nb", "Ab_9"]
PATTERNS = [
    *(
        "",
        "/server$",
        "/api/cloud/",
        "power$",
        r"disk/\d+/config",
        "^/",
        "a*b",
        "(a|b)*c?",
        "[^/]+$",
    ),
    *(
        "a{2}",
        "a{0,1}b",
        "(?:ab|a)b",
        r"\bcloud\b",
        r"\w+\W\w",
        "a.b",
        "a+?b",
        r"[\d_]",
        "x|",
        "(?P<n>a)b",
    ),
    *(r"\Aa", r"b\Z", r"\Bb", "[a-c]{2,3}", r"\S\s\S", "^$", "(a|aa)+b", "()*a", "(a?){3}b"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_found_is_what_python_finds(pattern):
    found = [Pattern(pattern).found_in(path) for path in PATHS]

    assert found == [re.search(pattern, path) is not None for path in PATHS]


def test_made_up_expressions_are_read_as_python_reads_them():
    dice = random.Random(8)
    pieces = ["a", "b", ".", "[ab]", "(a|b)", "(?:ab)", "$", "^", "a*", "b+", "(a|ab)*", "a{1,2}"]
    for _ in range(300):
        pattern = "".join(dice.choices(pieces, k=dice.randint(1, 5)))
        path = "".join(dice.choices("abc", k=dice.randint(0, 8)))

        assert Pattern(pattern).found_in(path) == (re.search(pattern, path) is not None), pattern


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)x", "(a*)*b", "(a?){30}a{30}b"],
)
def test_an_expression_that_hangs_a_search_with_steps_back_ends_soon(pattern):
    began = time.process_time()

    assert Pattern(pattern).found_in("/" + "a" * 1000 + "!") is False
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            "*",
            "[",
            r"(a)\1",
            "(?=a)",
            "(?<!a)b",
            "(?i)a",
            "(?>a)b",
            "a" * 201,
            r"(a)(?(1)b|c)",
        ),
        *("((a{100}){100}){100}", "(){4000000000}", "a{401}", "(?i:a)"),
    ],
)
def test_what_could_hang_or_is_no_expression_is_refused_at_once(pattern):
    with pytest.raises(ValueError, match=r"."):
        Pattern(pattern)
