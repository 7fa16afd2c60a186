"""Words failures as sentences for the user, Japanese then English."""

from __future__ import annotations

import traceback

from kokunai.drivers.errors import DriverError, NotUnderstood
from kokunai.errors import KokunaiError
from kokunai.language import chosen, worded
from kokunai.plugin.kind import Cancelled


def api_failure_text(error: DriverError) -> str:
    """What a seller's API answered to which call, or that it did not answer."""
    seller = error.seller
    if isinstance(error, NotUnderstood):
        return worded(
            f"{seller.ja}の API の応答が読み取れません（{error.call}、HTTP {error.status}）: "
            f"{error.message_ja}",
            f"The answer of the {seller.en} API to {error.call} is not understood "
            f"(HTTP {error.status}): {error.message}",
        )
    if not error.status:
        return worded(
            f"{seller.ja}の API から応答がありません（{error.call}）: {error.code} {error.message}",
            f"The {seller.en} API does not answer {error.call}: {error.code} {error.message}",
        )
    what = f"{error.status} {error.code} {error.message}".strip()
    return worded(
        f"{seller.ja}の API がリクエストを拒否しました（{error.call}）: {what}",
        f"The {seller.en} API refused {error.call}: {what}",
    )


def bug_text(error: Exception) -> str:
    """An exception that no code expects, with its traceback."""
    trace = "".join(traceback.format_exception(error))
    return f"{worded('kokunai の不具合です。', 'A bug in kokunai:')}\n{trace}"


def unfinished_text(error: Exception) -> str:
    """Why a resource that exists is not finished: refused, cancelled, out of time or a bug."""
    if isinstance(error, DriverError):
        return api_failure_text(error)
    if isinstance(error, Cancelled):
        return worded(
            "途中で中断されました。次の pulumi up が続きを行います。",
            "Cancelled half-way; the next `pulumi up` continues.",
        )
    if isinstance(error, KokunaiError | TimeoutError):
        return chosen(str(error))
    return bug_text(error)
