"""Japanese texts have one kind of brackets, one spelling and one word for a thing."""

from __future__ import annotations

import pytest

from support import japanese

# One worker reads each file once.
pytestmark = pytest.mark.xdist_group("house")


def test_brackets_in_japanese_sentences_are_full_width():
    found = [
        f"{place}: {part}" for place, text in japanese.texts() for part in japanese.brackets(text)
    ]

    assert found == []


def test_every_word_is_spelt_as_it_is_elsewhere():
    found = [
        f"{place}: {part}" for place, text in japanese.texts() for part in japanese.spellings(text)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("設定 (任意) です", 2),
        ("◆(◆)は使えません", 1),
        ("値が正しくありません(◆)", 1),
        ("設定（任意）です", 0),
        ("電源を切ります / powering off (10 s)", 0),
        ('ClusterNetwork("◆") は別の設定です', 0),
        ("値 $(PYTHON) がありません", 0),
    ],
)
def test_half_width_brackets_are_found_where_a_japanese_reader_sees_them(text: str, count: int):
    assert len(japanese.brackets(japanese.without_code(text))) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("サーバを作ります", 1),
        ("サーバーを作ります", 0),
        ("クラスタとディレクトリー", 2),
        ("クラスタリング", 0),
        ("playbook を実行します", 1),
        ("policies/playbooks/site.yml を読みます", 0),
        ("規則の例外です", 1),
        ("デバッガ、インターフェイス", 2),
        ("版を返しません", 1),
        ("出版を待ちます", 0),
    ],
)
def test_other_spellings_are_found(text: str, count: int):
    assert len(japanese.spellings(text)) == count


def test_most_of_the_house_is_read():
    places = {place.partition(":")[0] for place, _ in japanese.texts()}

    assert {"Makefile", "policies/waivers.yaml", "components/kokunai/cli/lab.py"} <= places
    assert len(places) > 100
