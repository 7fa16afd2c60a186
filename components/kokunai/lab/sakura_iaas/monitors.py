"""Handlers for activity monitors, whose values are null, because the lab measures nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import query
from kokunai.lab.sakura_iaas.call import Call, Reply
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

_JST = timezone(timedelta(hours=9))
_STEP = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=31)


def _moment(asked: dict[str, Any], name: str, default: datetime) -> datetime:
    value = asked.get(name)
    if not value:
        return default
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        refuse("invalid_format", name)
    return moment if moment.tzinfo else moment.replace(tzinfo=_JST)


def _moments(call: Call) -> list[datetime]:
    asked = query.parse(call.raw_query)
    end = _moment(asked, "End", datetime.now(_JST))
    start = _moment(asked, "Start", end - _HOUR)
    if not timedelta(0) <= end - start <= _LONGEST:
        refuse("invalid_range", "Start, End")
    first = datetime.fromtimestamp(-(-start.timestamp() // 300) * 300, _JST)
    return [first + _STEP * number for number in range((end - first) // _STEP + 1)]


def monitor(kind: str, *names: str) -> Callable[[Call], Reply]:
    """A handler of GET {kind}/{id}/.../monitor for the values of these names."""

    def read(call: Call) -> Reply:
        call.path_document(kind)
        # A value that was not measured is null in the real API, too, and clients leave it out.
        nothing = dict.fromkeys(names)
        data = {moment.isoformat(timespec="seconds"): nothing for moment in _moments(call)}
        return Reply(200, {"Data": data, "is_ok": True})

    return read
