"""Decides what each change of a dedicated server does: nothing to it, a gap, or lost data."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import Change, Props, Transition
from kokunai.plugin.model_kind import comparable
from kokunai.plugin.sakura.ssh_key import as_before

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERASES = (
    "OS をインストールし直します。ディスクのデータは失われます / "
    "the operating system is installed anew and the data on the disks is lost"
)
_OTHER = (
    "別のサーバーに替えるため、今のサーバーを解放します。ディスクのデータは使えなくなります / "
    "another server is adopted and this one is released, with the data on its disks"
)
_KEYS = (
    "鍵は OS のインストール時にだけ書かれます。動いている OS の鍵は変わりません / "
    "keys are written by an installation only; those of the running system stay as they are"
)
_GAP = (
    "ネットワークの設定を変えるため、通信が一時的に途切れます / "
    "the network settings change, so the connections break for a moment"
)
_NETWORK = re.compile(r"(linkSpeed|bonding|internet|dedicatedSubnetId|privateNetworkIds(\[.*)?)")
# What an import cannot read, and what means "any" where it is empty.
_UNREAD = ("model", "tag", "loginUser", "storageGib", "paidUntil", "forceShutdown")


def changes(transition: Transition) -> list[Change]:
    """Changes of the inputs and what they mean, and drift that the inputs do not show."""
    old, new = _compared(transition)
    of_inputs = [_told(change, transition) for change in differences(old, new)]
    return [*of_inputs, *_drift(transition)]


def _told(change: Change, transition: Transition) -> Change:
    old, new = transition.old, transition.new
    if change.path in {"serviceId", "model"}:
        return replace(change, replace=True, reason=_OTHER)
    is_install = new.get("reinstall") is not False
    is_begun = change.path == "reinstall" and is_install
    if is_begun or (change.path == "osImage" and is_install):
        return replace(change, loses=True, reason=_ERASES)
    if change.path.startswith("sshPublicKeys") and "sshPublicKeys" in old:
        return replace(change, reason=_KEYS)
    if _NETWORK.fullmatch(change.path):
        return replace(change, reason=_GAP)
    return change


def _compared(transition: Transition) -> tuple[Props, Props]:
    """Both sides without what makes no difference to a server that is adopted already."""
    old, new = comparable(transition.old, transition.new)
    unread = {name for name in _UNREAD if not old.get(name)} if "sshPublicKeys" not in old else ()
    left_out = {name for name in unread if name in old} | {
        name for name in ("model",) if not (old.get(name) and new.get(name))
    }
    if _is_same_service(transition):
        left_out.add("serviceId")
    left_out.add("exceptServices")
    if "sshPublicKeys" not in old:
        left_out.add("sshPublicKeys")
    elif isinstance(new.get("sshPublicKeys"), list):
        new = {**new, "sshPublicKeys": _as_before(old["sshPublicKeys"], new["sshPublicKeys"])}
    return _without(old, left_out), _without(new, left_out)


def _is_same_service(transition: Transition) -> bool:
    """Whether the one that is named, if any, is the one that was adopted, as far as is known.

    Rows of what holds data have no id, and those of earlier versions name no service.
    """
    before, wanted = transition.old.get("serviceId"), transition.new.get("serviceId")
    return wanted in {"", None, before, transition.id} or not (before or transition.id)


def _as_before(old: list[object], new: list[object]) -> list[object]:
    """The new keys; another comment behind the same key is no difference."""
    return [as_before(one, other) for one, other in zip_longest(old[: len(new)], new)]


def _without(props: Props, names: set[str]) -> Props:
    return {key: value for key, value in props.items() if key not in names}


def _drift(transition: Transition) -> Iterator[Change]:
    state, new = transition.state, transition.new
    if state.get("powerStatus") == "off":
        reason = "停止しているので起動します / it is off and will be switched on"
        yield Change("powerStatus", of_state=True, reason=reason)
    if state.get("installation") == "unmarked":
        reason = (
            "サービスの「説明」から管理用の印が消えているので、書き直します / "
            "its mark was removed from the description of the service and is written again"
        )
        yield Change("installation", of_state=True, reason=reason)
    if state.get("installation") == "begun" and new.get("reinstall"):
        reason = (
            "中断した OS のインストールをやり直します / "
            "the interrupted installation of the operating system is done again"
        )
        yield Change("installation", of_state=True, reason=reason)
