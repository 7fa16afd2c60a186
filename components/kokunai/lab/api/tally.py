"""Counts calls, so that a test can see how often and how fast a client asked."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from typing import Any

_ID = re.compile(r"/\d+")


class Tally:
    """Every call to the API since the start, refused ones included."""

    def __init__(self) -> None:
        self._by_call: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._busiest = 0

    def count(self, method: str, path: str) -> None:
        moment = time.monotonic()
        self._by_call[f"{method} {_ID.sub('/{id}', path.partition('/1.1/')[2])}"] += 1
        self._recent.append(moment)
        while self._recent[0] < moment - 1:
            self._recent.popleft()
        self._busiest = max(self._busiest, len(self._recent))

    def view(self) -> dict[str, Any]:
        return {
            "total": sum(self._by_call.values()),
            "most_in_one_second": self._busiest,
            "by_call": dict(sorted(self._by_call.items())),
        }
