"""Decides what each change of a server needs: nothing, a power-off, or a replacement."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import Change, ChangeKind, Props, Transition, holds_unknown
from kokunai.plugin.model_kind import comparable
from kokunai.plugin.sakura.server import boot_disk
from kokunai.plugin.sakura.server.boot_disk import CONFIGURED_BY
from kokunai.plugin.sakura.server.view import WRITE_ONLY
from kokunai.plugin.sakura.ssh_key import as_before

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONAL_PLAN_KEYS = ("gpuModel", "cpuModel", "generation")

_MADE_ANEW = (
    "サーバーを作り直します。起動ディスクのデータは失われます",
    "the server is made anew and the data of its boot disk is lost",
)


def _anew(pattern: str, ja: str, en: str) -> tuple[str, str]:
    """A row whose reason ends with what making a server anew means."""
    return pattern, f"{ja}{_MADE_ANEW[0]} / {en}: {_MADE_ANEW[1]}"


REPLACED_BY = (
    _anew("zone", "ゾーンは変更できないため、", "the zone cannot change"),
    _anew(
        "startupScript",
        "起動スクリプトは最初の起動でだけ動くため、",
        "a startup script runs at the first boot only",
    ),
    # When a network is to be replaced, the engine asks for a diff with the whole list unknown.
    # The server must then be replaced, too: a network in use cannot be deleted.
    _anew(
        "nics",
        "接続先のネットワークを作り直すため、先にサーバーを切り離します。そのため、",
        "its network is made anew, and the server must go first",
    ),
    _anew(
        r"disks\[0\]\.image",
        "イメージは変更できないため、",
        "the image of a disk is written once",
    ),
    _anew(
        r"disks\[\d+\]\.(sizeGib|plan)",
        "容量と種類は変更できないため、",
        "the size and kind of a disk are fixed",
    ),
)
POWERED_OFF_BY = (
    (r"plan(\..*)?", "プラン変更は停止中にだけできます / a plan changes only while powered off"),
    (
        r"(hostName|sshKeyIds|sshPublicKeys|password|disablePasswordLogin)(\[.*)?",
        "ディスクの設定は停止中にだけ書けます / a disk is configured only while powered off",
    ),
    (
        r"nics\[0\]\.(address|prefixLength|gateway)",
        "ディスクの設定は停止中にだけ書けます / a disk is configured only while powered off",
    ),
    (
        r"nics\[\d+\](\.switchId)?",
        "NIC は停止中にだけ付け替えられます / interfaces change only while powered off",
    ),
    (
        r"disks\[\d+\]",
        "ディスクは停止中にだけ付け外しできます / disks are plugged only while powered off",
    ),
)


def changes(transition: Transition) -> list[Change]:
    """Changes of the inputs and what they need, and drift that the inputs do not show."""
    old, new = _comparable(transition.old, transition.new)
    of_inputs = [_priced(change, old) for change in differences(old, new)]
    return [*of_inputs, *_drift(transition.state, transition.new, of_inputs)]


def _priced(change: Change, old: Props) -> Change:
    if _is_removed_disk(change):
        size = old["disks"][int(change.path[len("disks[") : -1])].get("sizeGib")
        reason = (
            f"設定からなくなったディスク（{size} GiB）を、停止して取り外し、削除します / "
            f"a disk that is no longer declared ({size} GiB) is deleted while powered off"
        )
        return replace(change, power_off=True, reason=reason, loses=True)
    for pattern, reason in REPLACED_BY:
        if re.fullmatch(pattern, change.path):
            return replace(change, replace=True, reason=reason)
    for pattern, reason in POWERED_OFF_BY:
        if re.fullmatch(pattern, change.path):
            return replace(change, power_off=True, reason=reason)
    return change


def _is_removed_disk(change: Change) -> bool:
    return change.kind is ChangeKind.DELETE and bool(re.fullmatch(r"disks\[\d+\]", change.path))


def _drift(state: Props, new: Props, of_inputs: list[Change]) -> Iterator[Change]:
    if state.get("instanceStatus", "up") != "up":
        reason = "停止しているので起動します / it is down and will be booted"
        yield Change("instanceStatus", ChangeKind.UPDATE, of_state=True, reason=reason)
    is_told = any(change.power_off for change in of_inputs)
    if _is_configured_otherwise(state, new) and not is_told:
        yield Change(
            "configDigest",
            ChangeKind.UPDATE,
            power_off=True,
            of_state=True,
            reason="ディスクの設定が入力と違います / the disk is configured otherwise",
        )


def _is_configured_otherwise(state: Props, new: Props) -> bool:
    written = state.get("configDigest")
    relevant = [new.get(name) for name in (*CONFIGURED_BY, "nics")]
    if not written or holds_unknown(relevant):
        return False
    return bool(written != boot_disk.digest(new))


def _comparable(old: Props, new: Props) -> tuple[Props, Props]:
    """Both sides without what means "any" and without what an import could not read."""
    old, new = _without_seed(comparable(old, new))
    if not any(name in old for name in WRITE_ONLY):
        new = {key: value for key, value in new.items() if key not in WRITE_ONLY}
    return _without_any_plan(old, new), _with_known_keys(old, _with_known_nics(old, new))


def _without_seed(sides: tuple[Props, Props]) -> tuple[Props, Props]:
    """Both sides without the secret that only a new server needs: another one changes nothing."""
    old, new = ({key: side[key] for key in side if key != "hostKeySeed"} for side in sides)
    return old, new


def _without_any_plan(old: Props, new: Props) -> Props:
    """Both sides; plan keys that are no longer given do not differ, because they may be any."""
    wanted = new.get("plan")
    if not (isinstance(old.get("plan"), dict) and isinstance(wanted, dict)):
        return old
    free = [key for key in _OPTIONAL_PLAN_KEYS if key not in wanted]
    return {**old, "plan": {key: value for key, value in old["plan"].items() if key not in free}}


def _with_known_keys(old: Props, new: Props) -> Props:
    """The new side; another comment behind the same key is no difference."""
    before, after = old.get("sshPublicKeys"), new.get("sshPublicKeys")
    if not (isinstance(before, list) and isinstance(after, list)):
        return new
    pairs = zip_longest(before[: len(after)], after)
    return {**new, "sshPublicKeys": [as_before(one, other) for one, other in pairs]}


def _with_known_nics(old: Props, new: Props) -> Props:
    """Both sides; masks and routes that an import could not read do not differ."""
    known, wanted = old.get("nics"), new.get("nics")
    if any(name in old for name in WRITE_ONLY):
        return new
    if not (isinstance(known, list) and isinstance(wanted, list)):
        return new
    pairs = zip(wanted, [*known, *[{}] * len(wanted)], strict=False)
    return {**new, "nics": [_as_known(nic, before) for nic, before in pairs]}


def _as_known(nic: Any, known: Props) -> Any:
    if not isinstance(nic, dict) or not known:
        return nic
    kept = {key: value for key, value in nic.items() if key != "prefixLength"}
    return {**kept, "gateway": known.get("gateway", "")}
