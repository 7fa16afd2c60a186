"""Runs blocking work in threads: in order within a key, in parallel between keys."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

Work = Callable[[], None]
_LOG = logging.getLogger(__name__)


class Workers:
    """A small pool of threads with one queue per key, and timers for delayed work."""

    def __init__(self, thread_count: int = 16) -> None:
        self._pool = ThreadPoolExecutor(thread_count, thread_name_prefix="lab")
        self._lock = threading.Lock()
        self._queues: dict[str, deque[tuple[Work, Future[None]]]] = {}
        self._timers: set[threading.Timer] = set()
        self._closed = False

    def submit(self, key: str, work: Work) -> Future[None]:
        """Run after earlier work of the same key; cancelled if the pool is closed before."""
        done: Future[None] = Future()
        with self._lock:
            if self._closed:
                done.cancel()
                return done
            queue = self._queues.setdefault(key, deque())
            queue.append((work, done))
            if len(queue) == 1:
                self._pool.submit(self._drain, key)
        return done

    def later(self, seconds: float, key: str, work: Work) -> None:
        """Submit after a delay in seconds; at once for 0."""
        if seconds <= 0:
            self.submit(key, work)
            return
        timer = threading.Timer(seconds, lambda: self._submit_due(timer, key, work))
        timer.daemon = True
        with self._lock:
            if self._closed:
                return
            self._timers.add(timer)
        timer.start()

    def busy(self) -> int:
        """Number of pieces of work that run, are queued, or wait for their time."""
        with self._lock:
            return sum(len(queue) for queue in self._queues.values()) + len(self._timers)

    def close(self) -> None:
        """Cancel work that has not begun and wait for the rest."""
        with self._lock:
            self._closed = True
            timers, self._timers = self._timers, set()
            for queue in self._queues.values():
                while len(queue) > 1:
                    queue.pop()[1].cancel()
        for timer in timers:
            timer.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit_due(self, timer: threading.Timer, key: str, work: Work) -> None:
        # Submitted before the timer is forgotten, so that busy() never shows zero in between.
        self.submit(key, work)
        with self._lock:
            self._timers.discard(timer)

    def _drain(self, key: str) -> None:
        while True:
            with self._lock:
                work, done = self._queues[key][0]
            _run(work, done)
            with self._lock:
                queue = self._queues[key]
                queue.popleft()
                if not queue:
                    del self._queues[key]
                    return


def _run(work: Work, done: Future[None]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - a bug here must not stop the queue of its key
        _LOG.exception("work for the machine failed")
    finally:
        if not done.cancelled():
            done.set_result(None)
