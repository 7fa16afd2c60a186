"""Kinds of values that inputs share: references, addresses, tags, descriptions."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from kokunai.errors import Problem
from kokunai.plugin.inputs import Item, Named, Text
from kokunai.plugin.sakura import trailer
from kokunai.plugin.serving.wire import holds_unknown
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.plugin.kind import Props

# A server may carry ten tags in all: one is ours, one is left for the mark of a former id.
_MOST_TAGS = 8
_LONGEST_TAG = 32
_LONGEST_DESCRIPTION = 300


def _reference(value: str) -> str:
    """`zone/id`, as an import writes it, or the id alone."""
    bare = value.rpartition("/")[2]
    if len(bare) != 12 or not bare.isdigit():
        raise refusal(
            f"「{value}」は ID ではありません。12 桁の数字で指定してください。",
            f'"{value}" is not an id; write its 12 digits.',
        )
    return bare


def _segment(value: str) -> str:
    return value if value == "shared" else _reference(value)


def _address(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value)) if value else ""
    except ValueError:
        raise refusal(
            f"「{value}」は IPv4 アドレスではありません。", f'"{value}" is not an IPv4 address.'
        ) from None


def _tags(values: list[str]) -> list[str]:
    known = [one for one in values if isinstance(one, str)]
    if len(known) < len(values):
        return values
    for one in known:
        if one.startswith("kokunai-") or not 0 < len(one) <= _LONGEST_TAG:
            raise refusal(
                f"タグ「{one}」は使えません。1 から {_LONGEST_TAG} 文字で、"
                "kokunai- 以外で始めてください。",
                f'The tag "{one}" cannot be used: 1 to {_LONGEST_TAG} characters, '
                "not starting with kokunai-.",
            )
    return sorted(set(known))


Reference = Annotated[str, AfterValidator(_reference)]
Segment = Annotated[str, AfterValidator(_segment)]
Address = Annotated[str, AfterValidator(_address)]
PrefixLength = Annotated[int, Field(ge=1, le=31)]
Tags = Annotated[list[Item[str]], Field(max_length=_MOST_TAGS), AfterValidator(_tags)]


class Described(Named):
    """A named resource with a description."""

    description: Text = Field(default="", max_length=_LONGEST_DESCRIPTION)
    """Free text. / 説明。"""

    @classmethod
    def contradictions(cls, news: Props) -> Iterator[Problem]:
        """The labels stand in the description, by whose end a thing is found again."""
        text = news.get("description", "")
        labels = news.get("labels")
        known = isinstance(labels, dict) and not holds_unknown([text, labels, news.get("site")])
        excess = trailer.excess(str(text).strip(), news) if known and "site" in news else 0
        if excess > 0:
            yield Problem(
                "labels",
                f"説明とラベルを合わせて API の上限を {excess} 文字超えます。",
                f"the description and the labels exceed the API's limit by {excess} characters.",
            )


class Tagged(Described):
    """A described resource with tags."""

    tags: Tags = Field(default_factory=list)
    """Tags, in any order. / タグ (順不同)。"""
