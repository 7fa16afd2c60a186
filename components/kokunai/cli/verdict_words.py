"""The words for verdicts and checks in the reader's language."""

from __future__ import annotations

from kokunai.language import worded

_VERDICTS = {"pass": "合格", "fail": "不合格", "not-verified": "未検証"}
_CHECKS = {
    "addresses": "アドレス",
    "driver": "ドライバー",
    "firewall": "ファイアウォール",
    "gpu_count": "GPU の数",
    "host_name": "ホスト名",
    "kernel_parameters": "カーネル設定",
    "nccl_bandwidth": "NCCL 帯域",
    "storage": "ストレージ",
    "time_sync": "時刻同期",
}


def verdict(name: str) -> str:
    """For example `合格 pass`; a verdict that is not known stands as it is."""
    return _both(_VERDICTS, name)


def check(name: str) -> str:
    """For example `時刻同期 time_sync`; a check of one's own keeps its name."""
    return _both(_CHECKS, name)


def _both(words: dict[str, str], name: str) -> str:
    return worded(words[name], name, " ") if name in words else name
