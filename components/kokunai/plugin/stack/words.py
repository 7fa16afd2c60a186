"""Says in both languages what data would be lost, and which address is still in use."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kokunai.foreign_text import shown
from kokunai.plugin.kind import reasons_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kokunai.plugin.stack.comparison import Clash, Loss

_MOST_NAMES = 4
_MOST_KNOWN = 20
GONE_ALREADY = (
    "--target などですでに失われたものについては、一度だけ許可して適用してください。",
    "For what is gone already (--target, state delete), permit it for one run.",
)
_Lines = list[tuple[str, str]]


def lines(losses: Iterable[Loss]) -> _Lines:
    """A line for each share, and for each pool and reason."""
    ordered = sorted(losses, key=_group)
    return [_line(list(group)) for _, group in groupby(ordered, key=_group)]


def _group(loss: Loss) -> tuple[str, str, str]:
    paths = ",".join(change.path for change in loss.replacing)
    return loss.pool or "", "" if loss.pool else loss.name, paths


def _line(group: Sequence[Loss]) -> tuple[str, str]:
    first, gib = group[0], sum(loss.held.gib for loss in group)
    ja, en = _what(group)
    why_ja, why_en = _why(first)
    # The size of what was not made by API may not be known.
    size_ja, size_en = (f"{gib} GiB の", f"{gib} GiB of ") if gib else ("", "")
    return (
        f"{ja}: {size_ja}データが失われます。{why_ja}",
        f"{en}: {size_en}data will be lost; {why_en}",
    )


def _what(group: Sequence[Loss]) -> tuple[str, str]:
    first, names = group[0], [loss.name for loss in group]
    if first.pool is None:
        return f"{first.held.ja} {first.name}", f"{first.held.en} {first.name}"
    shown = names[:_MOST_NAMES]
    more = len(names) - len(shown)
    ja = "、".join(shown) + (f" ほか {more} 台" if more else "")
    en = ", ".join(shown) + (f" and {more} more" if more else "")
    plural = "s" if len(names) > 1 else ""
    return (
        f"プール {first.pool} の{first.held.ja} {len(names)} 台（{ja}）",
        f"{len(names)} {first.held.en}{plural} of pool {first.pool} ({en})",
    )


def _why(loss: Loss) -> tuple[str, str]:
    if not loss.replacing and loss.pool_stays:
        return "プールの台数が減るため、削除します。", "deleted, because the pool shrinks."
    if not loss.replacing:
        return "設定からなくなったため、削除します。", "deleted, because it is no longer declared."
    paths = ", ".join(change.path for change in loss.replacing)
    reasons = reasons_of(loss.replacing)
    ja, en = "。".join(ja for ja, _ in reasons), "; ".join(en for _, en in reasons)
    if all(change.loses for change in loss.replacing):
        return f"上書き（{paths}）: {ja}。", f"erased ({paths}): {en}."
    return f"作り直し（{paths}）: {ja}。", f"replaced ({paths}): {en}."


def rename_hint(losses: Iterable[Loss]) -> tuple[str, str]:
    """What to write where something that is gone was only renamed; empty where nothing is gone."""
    gone = [loss.permission for loss in losses if not loss.replacing and not loss.pool_stays]
    if not gone:
        return "", ""
    ja = f"名前を変えただけの場合は、新しい名前の行に was: {gone[0]} と書けば、作り直しません。"
    en = f"If it was only renamed, write was: {gone[0]} beside the new name; nothing is made anew."
    return ja, en


def protection_hint(losses: Iterable[Loss]) -> tuple[str, str]:
    """How protected resources that are gone from the stack file can be deleted."""
    if not any(loss.is_protected and not loss.replacing for loss in losses):
        return "", ""
    ja = (
        "保護されています。先に protect: false として pulumi up を終えてから削除するか、"
        "pulumi state unprotect 'URN' を実行してください（URN は pulumi stack --show-urns）。"
    )
    en = (
        "It is protected: run pulumi up with protect: false before the deletion, or run "
        "pulumi state unprotect 'URN' (URNs: pulumi stack --show-urns)."
    )
    return ja, en


def permits_nothing(unknown: Iterable[str], known: Iterable[str]) -> tuple[str, str]:
    """That these names in allow_data_loss are of nothing, and which could stand there."""
    there = sorted(known)
    named = ", ".join(shown(name, 64) for name in sorted(unknown))
    more = " ..." if len(there) > _MOST_KNOWN else ""
    listed = ", ".join(there[:_MOST_KNOWN]) + more
    ja = (
        f"allow_data_loss の {named} は、スタックファイルにもステートにもない名前です。"
        f"指定できるもの: {listed or 'なし'}。削除が済んだものなら、許可を消してください"
        "（コンポーネントを使わずに宣言したリソースの名前なら、このままで構いません）。"
    )
    en = (
        f"allow_data_loss names {named}, which neither the stack file nor the state has; it may "
        f"name: {listed or 'nothing'}. Remove the permission of what is gone already (the name of "
        "a resource that is declared without a component may stay)."
    )
    return ja, en


def clash_lines(clashes: Iterable[Clash]) -> _Lines:
    """Who still has an address."""
    return [_clash_line(clash) for clash in clashes]


def _clash_line(clash: Clash) -> tuple[str, str]:
    ja = (
        f"{clash.address} は {clash.holder} が使用中のため、{clash.taker} には割り当てられません。"
        f"{clash.holder} を移すか削除する pulumi up を先に終えてください。"
    )
    en = (
        f"{clash.address} is still in use by {clash.holder}, so {clash.taker} cannot have it; "
        f"first run pulumi up with {clash.holder} moved or deleted."
    )
    return ja, en


def text(head: tuple[str, str], body: _Lines, *ends: tuple[str, str]) -> tuple[str, str]:
    """Head, indented lines and closing sentences in each language."""
    return _joined(0, head, body, ends), _joined(1, head, body, ends)


def _joined(
    language: int, head: tuple[str, str], body: _Lines, ends: Iterable[tuple[str, str]]
) -> str:
    indented = [f"  {line[language]}" for line in body]
    closing = [end[language] for end in ends if end[language]]
    return "\n".join([head[language], *indented, *closing])
