"""What went wrong, as sentences for the user: Japanese, then English."""

from __future__ import annotations

import traceback

from kokunai.drivers.errors import DriverError
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import Cancelled


def said(error: DriverError) -> str:
    """What a seller's API answered."""
    seller = error.seller
    if not error.status:
        return (
            f"{seller.ja}の API から応答がありません ({error.call}): {error.code} {error.message}\n"
            f"The {seller.en} API does not answer {error.call}: {error.code} {error.message}"
        )
    what = f"{error.status} {error.code} {error.message}".strip()
    return (
        f"{seller.ja}の API が断りました ({error.call}): {what}\n"
        f"The {seller.en} API refused {error.call}: {what}"
    )


def bug(error: Exception) -> str:
    """What nobody foresaw, with its traceback."""
    trace = "".join(traceback.format_exception(error))
    return f"kokunai の不具合です。\nA bug in kokunai:\n{trace}"


def unfinished(error: Exception) -> str:
    """Why something that exists is not finished."""
    if isinstance(error, DriverError):
        return said(error)
    if isinstance(error, Cancelled):
        return (
            "途中で中断されました。次の pulumi up が続きを行います。\n"
            "Cancelled half-way; the next `pulumi up` continues."
        )
    if isinstance(error, KokunaiError | TimeoutError):
        return str(error)
    return bug(error)
