"""A client of Sakura's PHY API (dedicated servers): each method makes one call, lists aside.

The API makes and deletes nothing: what is under contract is listed, named, powered, installed and
connected. An answer counts only if it is what the call promises; all else is `NotUnderstood`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from kokunai.drivers import sakura_phy_views as views
from kokunai.drivers.sakura_phy_http import not_understood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.drivers.sakura_phy_http import Body, SakuraPhyHttp
    from kokunai.drivers.sakura_views import View

PowerOperation = Literal["on", "soft", "reset", "off"]
BondingType = Literal["lacp", "static", "single"]
LONGEST_DESCRIPTION = 1000
"""Of a service (swagger.yaml, update_service_parameter)."""
MOST_KEYS = 20
"""Of one installation (swagger.yaml, os_install_parameter)."""
_PAGE_SIZE = 100
_MOST_ITEMS = 10_000

_ViewType = TypeVar("_ViewType", bound="View")


class SakuraPhy:
    """Calls by id. Every method raises a class of `drivers.errors`."""

    def __init__(self, http: SakuraPhyHttp) -> None:
        self._http = http

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def wait_seconds(self, changes_network_of: str = "") -> float:
        """How long the API's limits would make a call wait now."""
        return self._http.wait_seconds(changes_network_of)

    async def services(self) -> dict[str, views.Service]:
        """All contracts for servers by their id."""
        found = await self._all("services", views.Service, {"product_category": "server"})
        _refuse_doubles("services", [row.service_id for row in found])
        return {row.service_id: row for row in found if row.product_category == "server"}

    async def rename_service(
        self, service_id: str, nickname: str, description: str | None
    ) -> views.Service:
        """Set nickname and description, the only texts that the API lets us write."""
        body = {"nickname": nickname, "description": description}
        path = f"services/{service_id}/"
        made = await self._one("PATCH", path, "service", views.Service, body)
        if made.service_id != service_id:
            raise not_understood(
                f"PATCH {path}", "別のサービスの応答です", "it is about another service"
            )
        return made

    async def servers(self) -> dict[str, views.Server]:
        """All servers by the id of their contract."""
        found = await self._all("servers", views.Server, {})
        _refuse_doubles("servers", [row.server_id for row in found])
        return {row.server_id: row for row in found}

    async def os_images(self, server_id: str) -> list[views.OsImage]:
        """What can be installed on a server."""
        path = f"servers/{server_id}/os_images/"
        answer = await self._http.call("GET", path)
        return [
            _view(f"GET {path}", views.OsImage, row) for row in _rows(path, answer, "os_images")
        ]

    async def install_os(
        self, server_id: str, os_image_id: str, password: str, ssh_public_keys: Sequence[str]
    ) -> None:
        """Begin an installation, which locks the server; only the keys may log in then."""
        body = {
            "os_image_id": os_image_id,
            "password": password,
            "manual_partition": False,
            "ssh_public_keys": list(ssh_public_keys),
            "allow_password_login": False,
        }
        await self._http.call("POST", f"servers/{server_id}/os_install/", body)

    async def power_status(self, server_id: str) -> str:
        """`on` or `off`, asked of the machine itself."""
        path = f"servers/{server_id}/power_status/"
        return (await self._one("GET", path, "power_status", views.Power)).status

    async def power(self, server_id: str, operation: PowerOperation) -> None:
        """Request a power state; it is reached later."""
        await self._http.call(
            "POST", f"servers/{server_id}/power_control/", {"operation": operation}
        )

    async def configure_bonding(
        self, server_id: str, port_channel_id: int, bonding_type: BondingType
    ) -> None:
        """Bond two interfaces or part them; their ports are made anew, with other ids."""
        path = f"servers/{server_id}/port_channels/{port_channel_id}/configure_bonding/"
        body = {"bonding_type": bonding_type, "port_nicknames": None}
        await self._http.call("POST", path, body, changes_network_of=server_id)

    async def enable_port(self, server_id: str, port_id: int, *, enable: bool) -> None:
        """Let a port carry traffic, or not."""
        path = f"servers/{server_id}/ports/{port_id}/enable/"
        await self._http.call("POST", path, {"enable": enable}, changes_network_of=server_id)

    async def assign_network(self, server_id: str, port_id: int, assignment: Body) -> None:
        """Connect a port to exactly what the assignment names."""
        path = f"servers/{server_id}/ports/{port_id}/assign_network/"
        await self._http.call("POST", path, assignment, changes_network_of=server_id)

    async def _all(self, plural: str, view: type[_ViewType], query: Body) -> list[_ViewType]:
        """All items of all pages."""
        found: list[_ViewType] = []
        total: int | None = None
        while total is None or len(found) < total:
            page = {**query, "limit": _PAGE_SIZE, "offset": len(found)}
            answer = await self._http.call("GET", f"{plural}/", query=page)
            name = f"GET {plural}/"
            counted = _count(name, answer)
            rows = [_view(name, view, row) for row in _rows(name, answer, plural)]
            found += rows
            is_other = total is not None and counted != total
            if is_other or _is_wrong(counted, len(found), len(rows)):
                raise not_understood(
                    name,
                    "count と項目の数が合いません",
                    "count does not agree with the number of items",
                )
            total = counted
        return found

    async def _one(
        self, method: str, path: str, key: str, view: type[_ViewType], body: Body | None = None
    ) -> _ViewType:
        answer = await self._http.call(method, path, body)
        return _view(f"{method} {path}", view, answer.get(key))


def _is_wrong(total: int, so_far: int, on_page: int) -> bool:
    """Whether there are more items than counted, or the pages end before all are there."""
    return so_far > total or (not on_page and so_far < total)


def _refuse_doubles(plural: str, ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise not_understood(f"GET {plural}/", "同じ ID が 2 度あります", "an ID is there twice")


def _count(name: str, answer: Body) -> int:
    meta = answer.get("meta")
    count = meta.get("count") if isinstance(meta, dict) else None
    if type(count) is int and 0 <= count <= _MOST_ITEMS:
        return count
    raise not_understood(name, "meta.count が正しくありません", "meta.count is wrong")


def _rows(name: str, answer: Body, plural: str) -> list[Any]:
    rows = answer.get(plural)
    # An empty account has null there in the API's own fake server.
    if rows is None and plural in answer:
        return []
    if isinstance(rows, list):
        return rows
    raise not_understood(name, f"{plural} がありません", f"{plural} is missing")


def _view(name: str, view: type[_ViewType], row: Any) -> _ViewType:
    """The item as its view has it. Raises NotUnderstood."""
    try:
        return view.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([view.__name__, *map(str, first["loc"])])
        raise not_understood(
            name, f"{place} が正しくありません", f"{place} is wrong: {first['msg']}"
        ) from None
