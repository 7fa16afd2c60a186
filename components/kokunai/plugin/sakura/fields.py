"""Field types and base models that several kinds share: references, addresses, tags."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from kokunai.drivers.sakura_limits import LONGEST_NAME, LONGEST_TAG, MOST_TAGS
from kokunai.errors import Problem
from kokunai.plugin.inputs import Computed, Governed, MaybeUnknown, Text
from kokunai.plugin.kind import holds_unknown
from kokunai.plugin.sakura import description_mark
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.plugin.kind import Props

# One tag is the plugin's, and one is left for the API's mark of a former id.
_MOST_TAGS = MOST_TAGS - 2
_LONGEST_DESCRIPTION = 300


def _reference(value: str) -> str:
    """The id of `zone/id`, which an import writes, or of an id alone."""
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
    known = [tag for tag in values if isinstance(tag, str)]
    if len(known) < len(values):
        return values
    for tag in known:
        if tag.startswith("kokunai-") or not 0 < len(tag) <= LONGEST_TAG:
            raise refusal(
                f"タグ「{tag}」は使えません。1 から {LONGEST_TAG} 文字で、"
                "kokunai- 以外で始めてください。",
                f'The tag "{tag}" cannot be used: 1 to {LONGEST_TAG} characters, '
                "not starting with kokunai-.",
            )
    return sorted(set(known))


Reference = Annotated[str, AfterValidator(_reference)]
Segment = Annotated[str, AfterValidator(_segment)]
Address = Annotated[str, AfterValidator(_address)]
PrefixLength = Annotated[int, Field(ge=1, le=31)]
Tags = Annotated[list[MaybeUnknown[str]], Field(max_length=_MOST_TAGS), AfterValidator(_tags)]


class Named(Governed):
    """A resource in a zone with a name."""

    name: Text = Field(min_length=1, max_length=LONGEST_NAME)
    """Name shown in the control panel. / コントロールパネルに出る名前。"""
    zone: str = Field(pattern=r"^[a-z]{2}[0-9][a-z]$")
    """Zone of the API, for example `is1a`. / ゾーン。"""


class Described(Named):
    """A named resource with a description."""

    description: Text = Field(default="", max_length=_LONGEST_DESCRIPTION)
    """Free text. / 説明。"""

    @classmethod
    def contradictions(cls, given: Props) -> Iterator[Problem]:
        """A description that is too long once the mark with the labels is appended to it."""
        text = given.get("description", "")
        labels = given.get("labels")
        known = isinstance(labels, dict) and not holds_unknown([text, labels, given.get("site")])
        is_marked = known and "site" in given
        excess = description_mark.excess(str(text).strip(), given) if is_marked else 0
        if excess > 0:
            yield Problem(
                "labels",
                f"説明とラベルを合わせて API の上限を {excess} 文字超えます。",
                f"the description and the labels exceed the API's limit by {excess} characters.",
            )


class Tagged(Described):
    """A described resource with tags."""

    tags: Tags = Field(default_factory=list)
    """Tags, in any order. / タグ（順不同）。"""


class Powered(Computed):
    """Outputs of what can be switched off."""

    instance_status: str
    """`up`, `cleaning` (it is shutting down) or `down`. / 電源の状態。"""
