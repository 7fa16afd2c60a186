"""Words for prices and terms in tables; what is unknown is said and never shown as 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.language import worded

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAX = {
    "included": ("税込", "incl. tax"),
    "excluded": ("税別", "excl. tax"),
    "not-stated": ("税の扱いは不明", "tax not stated"),
}
_BASIS = {
    "published": ("公表", "published"),
    "secondary": ("二次情報", "second-hand"),
    "quote": ("要見積もり", "quote"),
    "own": ("手元の金額", "own figure"),
}
OBTAINED = {
    "api": ("API", "API"),
    "web-order": ("ウェブ注文", "web order"),
    "contract": ("契約", "contract"),
    "points": ("ポイント", "points"),
}
_ACCESS = {"internet": ("インターネット", "internet"), "wvs2": ("閉域（WVS2）", "closed (WVS2)")}


def said(pair: tuple[str, str]) -> str:
    """The word in the reader's language."""
    ja, en = pair
    return ja if ja == en else worded(ja, en, " / ")


def amount(cost: Mapping[str, Any], key: str) -> str:
    """`1,320`, `1,320 から / from 1,320`, or that nobody has told it."""
    yen = cost.get(key)
    if yen is None:
        return said(("不明", "unknown"))
    text = f"{int(yen):,}"
    return said((f"{text} から", f"from {text}")) if cost.get("is_lowest") else text


def basis(cost: Mapping[str, Any]) -> str:
    """Whose word the price is, and whether tax is in it."""
    word = said(_BASIS.get(str(cost.get("basis")), ("不明", "unknown")))
    if cost.get("basis") == "quote":
        return word
    return f"{word}, {said(_TAX.get(str(cost.get('tax')), ('不明', 'unknown')))}"


def term(cost: Mapping[str, Any]) -> str:
    """The shortest term, and what is to be paid for it."""
    months, least = cost.get("term_months"), cost.get("jpy_per_term")
    if not months and least is not None:
        return said((f"{int(least):,} 円以上", f"{int(least):,} yen at least"))
    if not months:
        return said(("不明", "unknown") if months is None else ("なし", "none"))
    ja, en = f"{int(months)} か月", f"{int(months)} month{'s' * (months != 1)}"
    presumed = int(cost.get("price_presumes_months") or 0)
    if least is not None:
        ja, en = f"{ja}（{int(least):,} 円）", f"{en} ({int(least):,} yen)"
    elif presumed > months:
        ja = f"{ja}（金額は {presumed} か月契約のもの）"
        en = f"{en} (price of {presumed} months)"
    return said((ja, en))


def access(names: Any) -> str:
    """By which networks the servers are reached; a stack output has them as one text."""
    listed = names.split(", ") if isinstance(names, str) else names or []
    words = [said(_ACCESS.get(str(name), (str(name), str(name)))) for name in listed]
    return ", ".join(words) or said(("不明", "unknown"))
