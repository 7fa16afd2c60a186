"""The rule about characters that begin a new line, or a new meaning, in a file of a host."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from kokunai.foreign_text import shown
from kokunai_policy.property_names import is_variable
from kokunai_policy.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Keys, Node

_NEVER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters and line ends."""
_OF_TEXTS: Final = "\t\n\r"
_TEXTS: Final = frozenset({"startupScript", "description", "secretVariables"})
"""Inputs that are whole texts."""
_KEYS: Final = frozenset({"publicKey", "sshPublicKeys"})
"""Inputs that are often the content of a file, whose last line end nobody means."""
_OUR_ROLES: Final = ("base_", "nccl_", "storage_client_", "verify_")
_OUR_VARIABLES: Final = ("ntp_servers", "dns_servers", "package_sources")


def judge_characters(inspected: Inspected) -> Iterator[Judgement]:
    """Refuse control characters, and line breaks wherever a value is no whole text."""
    plain = [node for node in inspected.nodes if not node.layers]
    found = [judgement for node in plain if (judgement := _of(node))]
    yield from found or [Judgement(Verdict.PASS)]


def _of(node: Node) -> Judgement | None:
    key = next((mark for mark in str(node.keys[-1]) if _is_control(mark)), "") if node.keys else ""
    text = node.text or ""
    text = text.strip() if node.keys and node.keys[0] in _KEYS else text
    # A secret is often the content of a file, and its own check knows what it is for.
    allowed = _OF_TEXTS if node.secret or _is_text(node.keys) else ""
    mark = key or next((one for one in text if _is_control(one) and one not in allowed), "")
    if not mark:
        return None
    code = f"U+{ord(mark):04X}"
    return Judgement(
        Verdict.FAIL,
        shown(node.path),
        f"改行か制御文字（{code}）が入っています。取り除いてください",
        f"holds a line break or a control character ({code}); remove it",
    )


def _is_control(mark: str) -> bool:
    return unicodedata.category(mark) in _NEVER


def _is_text(keys: Keys) -> bool:
    """Whether several lines may stand there: in whole texts and in variables of other roles."""
    if keys and keys[0] in _TEXTS:
        return True
    if "variables" not in keys[:-1]:
        return False
    variable = str(keys[keys.index("variables") + 1])
    is_ours = any(is_variable(variable, name) for name in _OUR_VARIABLES)
    return not is_ours and not variable.startswith(_OUR_ROLES)
