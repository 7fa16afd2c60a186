"""What a host may say in `verify`: known checks, three verdicts and short printable texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from kokunai.errors import Problem
from kokunai.foreign_text import shown
from kokunai.problems import refusal, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = '{"kokunai_verified"'
"""How the answer of the role `verify` begins."""

CHECKS = (
    "gpu_count",
    "driver",
    "nccl_bandwidth",
    "time_sync",
    "host_name",
    "addresses",
    "firewall",
    "storage",
    "kernel_parameters",
)
"""Every check of the role, in the order in which they are shown."""

NOT_TOLD = "ホストの回答にありません / the host did not answer this"
_LONGEST_ANSWER = 64 * 1024
_LONGEST_TEXT = 300
_MOST_ITEMS = 1000
# Pulumi keeps numbers as doubles.
_LARGEST = 2**53

_Number = Annotated[StrictInt, Field(ge=-_LARGEST, le=_LARGEST)]
_Float = Annotated[StrictFloat, Field(allow_inf_nan=False)]
_Text = Annotated[StrictStr, Field(max_length=_LONGEST_ANSWER)]
_Leaf = StrictBool | _Number | _Float | _Text | None
_Value = (
    _Leaf
    | Annotated[list[_Leaf], Field(max_length=_MOST_ITEMS)]
    | Annotated[dict[_Text, _Leaf], Field(max_length=_MOST_ITEMS)]
)


class HostCheck(BaseModel):
    """What the host saw, its verdict, and why, where it did not pass."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    value: _Value
    verdict: Literal["pass", "fail", "not-verified"]
    reason: _Text = ""


def _known(checks: dict[str, HostCheck]) -> dict[str, HostCheck]:
    if any(name not in CHECKS for name in checks):
        raise refusal("知らない検査が入っています", "has checks that nobody asked for")
    return checks


class _Checks(RootModel[dict[str, HostCheck]]):
    root: Annotated[dict[str, HostCheck], AfterValidator(_known)]


class Answer(BaseModel):
    """The whole answer; a host that gives another one fails alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kokunai_verified: _Checks


class NotUnderstood(Exception):
    """The answer is not what `verify` prints."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")


def checks_of(answer: object, hide: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """The checks by name, masked by `hide` and cleaned. Raises NotUnderstood for anything else."""
    if not isinstance(answer, str):
        raise NotUnderstood("文字列ではありません", "it is no text")
    if len(answer) > _LONGEST_ANSWER:
        raise NotUnderstood("長すぎます", f"it is longer than {_LONGEST_ANSWER} characters")
    try:
        told = Answer.model_validate(json.loads(answer)).kokunai_verified.root
    except ValidationError as error:
        problem = next(translated(error, Answer), Problem("", "", ""))
        # Masked before it is cut, because a part of a secret would not be found.
        place = shown(hide(problem.path), 80)
        raise NotUnderstood(f"{place}: {problem.ja}", f"{place} {problem.en}") from None
    # RecursionError comes from deep nesting, ValueError from numbers with thousands of digits, too.
    except (ValueError, RecursionError):
        raise NotUnderstood("JSON ではありません", "it is no JSON") from None
    return {
        name: {
            "value": _clean(told[name].value, hide),
            "verdict": told[name].verdict,
            "reason": _clean(told[name].reason, hide),
        }
        for name in CHECKS
        if name in told
    }


def completed(checks: Mapping[str, Any]) -> dict[str, Any]:
    """The checks with those that the host left out, which are not verified."""
    left_out = {"value": "", "verdict": "not-verified", "reason": NOT_TOLD}
    return {**{name: dict(left_out) for name in CHECKS}, **checks}


def _clean(value: Any, hide: Callable[[str], str]) -> Any:
    """Texts as one printable line, without the secrets that the host was given."""
    if isinstance(value, dict):
        return {_clean(key, hide): _clean(item, hide) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, hide) for item in value]
    if isinstance(value, str):
        return shown(hide(value), _LONGEST_TEXT)
    # A number may be a secret, too.
    return value if hide(str(value)) == str(value) else hide(str(value))
