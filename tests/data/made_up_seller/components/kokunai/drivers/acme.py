"""Acme's API: a method is a call, and returns at once."""

from __future__ import annotations

from typing import Any

import httpx

from kokunai.drivers.errors import Seller, Unavailable, error_class

_SELLER = Seller("アクメ", "Acme")


class Acme:
    """Things of one collection, `machines` or `lans`, are plain mappings with an `id`."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def find(self, collection: str, mark: str) -> list[dict[str, Any]]:
        """Everything with this mark."""
        found: list[dict[str, Any]] = await self._call("GET", f"{collection}?mark={mark}")
        return found

    async def create(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make one; a repeated call makes another."""
        made: dict[str, Any] = await self._call("POST", collection, body)
        return made

    async def read(self, collection: str, id_: str) -> dict[str, Any]:
        """One as it is now."""
        found: dict[str, Any] = await self._call("GET", f"{collection}/{id_}")
        return found

    async def delete(self, collection: str, id_: str) -> None:
        """Remove one; raises NotFound when it is gone."""
        await self._call("DELETE", f"{collection}/{id_}")

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        name = f"{method} {path}"
        try:
            reply = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(_SELLER, name, 0, message=str(error)) from error
        if reply.is_error:
            raise error_class(reply.status_code)(_SELLER, name, reply.status_code, reply.text)
        return reply.json() if reply.content else None
