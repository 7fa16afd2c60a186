"""Asks a server's board controller over Redfish for power and health, and switches the power."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kokunai.drivers.body import ACCEPTED_ENCODINGS, read_body
from kokunai.drivers.errors import NotUnderstood, Seller, Unavailable, error_class
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.root_url import is_this_machine
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from pathlib import Path

BMC = Seller(ja="BMC ", en="BMC")
_ROOT = "/redfish/v1/"
_MOST_BYTES = 1024 * 1024
_PATIENCE = httpx.Timeout(30.0, connect=5.0)
ResetType = Literal["On", "GracefulShutdown", "ForceOff", "ForceRestart"]
Text = Annotated[str, Field(max_length=256)]
Path_ = Annotated[str, Field(max_length=256, pattern=r"^/redfish/v1/[A-Za-z0-9._~/-]*$")]


class _View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(
        extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, populate_by_name=True
    )


_ViewType = TypeVar("_ViewType", bound=_View)


class _Link(_View):
    path: Path_ = Field(alias="@odata.id")


class _Root(_View):
    systems: _Link = Field(alias="Systems")


class _Collection(_View):
    members: tuple[_Link, ...] = Field(alias="Members", max_length=64, strict=False)


class Status(_View):
    """Health as the controller judges it."""

    state: Text | None = Field(default=None, alias="State")
    health: Literal["OK", "Warning", "Critical"] | None = Field(default=None, alias="Health")


class _Reset(_View):
    target: Path_
    allowed: tuple[Text, ...] | None = Field(
        default=None, alias="ResetType@Redfish.AllowableValues", max_length=32, strict=False
    )


class _Actions(_View):
    reset: _Reset | None = Field(default=None, alias="#ComputerSystem.Reset")


class System(_View):
    """A server as its controller describes it."""

    path: Path_ = Field(alias="@odata.id")
    power_state: Literal["On", "Off", "PoweringOn", "PoweringOff", "Paused"] | None = Field(
        default=None, alias="PowerState"
    )
    status: Status = Field(default=Status(), alias="Status")
    actions: _Actions = Field(default=_Actions(), alias="Actions")


@dataclass(frozen=True)
class Login:
    """A user of the controller."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Trust:
    """By what the controller's certificate is known; the system's authorities where neither is."""

    ca_file: Path | None = None
    pin: str = ""
    """SHA-256 of the certificate in hexadecimal digits."""


class Redfish:
    """The controller of one server; a method is a call or a few, without repetition.

    The login is sent over https to a certificate that is known, or to this machine. Raises
    KokunaiError for another URL or certificate, and DriverError where a call fails.
    """

    def __init__(self, url: str, login: Login, trust: Trust = Trust()) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
            raise KokunaiError(
                ja=f"BMC の URL {url} は https で始めてください",
                en=f"the BMC's URL {url} must begin with https",
            )
        self._origin, self._parts = f"{parts.scheme}://{parts.netloc}", parts
        self._login, self._trust = login, trust
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(self._login.user, self._login.password),
            headers={"Accept-Encoding": ACCEPTED_ENCODINGS, "OData-Version": "4.0"},
            timeout=_PATIENCE,
            trust_env=False,
            verify=await self._context(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def system(self) -> System:
        """The only server of the controller. Raises KokunaiError where it has several or none."""
        root = await self._get(_ROOT, _Root)
        members = (await self._get(root.systems.path, _Collection)).members
        if len(members) != 1:
            raise KokunaiError(
                ja=f"BMC にサーバーが {len(members)} 台あります。1 台だけのものに対応しています",
                en=f"the BMC has {len(members)} servers; only one with exactly one is supported",
            )
        return await self._get(members[0].path, System)

    async def reset(self, system: System, reset_type: ResetType) -> None:
        """Ask for a change of power, which takes effect later."""
        reset = system.actions.reset
        if reset is None or (reset.allowed is not None and reset_type not in reset.allowed):
            known = ", ".join((reset and reset.allowed) or ())
            raise KokunaiError(
                ja=f"BMC は {reset_type} に対応していません。使えるもの: {known or 'なし'}",
                en=f"the BMC does not support {reset_type}; it has: {known or 'none'}",
            )
        await self._call("POST", reset.target, {"ResetType": reset_type})

    async def _get(self, path: str, view: type[_ViewType]) -> _ViewType:
        status, body = await self._call("GET", path)
        try:
            return view.model_validate(read_object(body))
        except (Unreadable, ValidationError):
            raise NotUnderstood(
                BMC, f"GET {path}", status, "Redfish の応答ではありません", "no answer of Redfish"
            ) from None

    async def _call(
        self, method: str, path: str, given: dict[str, Any] | None = None
    ) -> tuple[int, bytes]:
        call = f"{method} {path}"
        if self._client is None:
            raise RuntimeError("used outside of `async with`")
        content = json.dumps(given).encode() if given is not None else None
        headers = {"Content-Type": "application/json"} if given is not None else {}
        request = self._client.build_request(
            method, f"{self._origin}{path}", content=content, headers=headers
        )
        try:
            answer = await self._client.send(request, stream=True)
            try:
                body = await read_body(answer, _MOST_BYTES)
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            raise Unavailable(BMC, call, 0, type(error).__name__, str(error)) from None
        except Unreadable as error:
            raise NotUnderstood(BMC, call, 0, error.ja, error.en) from None
        if not answer.is_success:
            raise error_class(answer.status_code)(BMC, call, answer.status_code)
        return answer.status_code, body

    async def _context(self) -> ssl.SSLContext | bool:
        """Trusts the pinned certificate alone, or the authorities of the file."""
        if self._parts.scheme != "https":
            return True
        if not self._trust.pin:
            ca_file = self._trust.ca_file
            return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        certificate = await self._shown_certificate()
        if hashlib.sha256(certificate).hexdigest() != self._trust.pin.lower().replace(":", ""):
            raise KokunaiError(
                ja=f"{self._origin} の証明書が契約のものと違います。何も送っていません",
                en=f"{self._origin} shows another certificate than the contract's; "
                "nothing was sent to it",
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=certificate)
        return context

    async def _shown_certificate(self) -> bytes:
        """The certificate in DER; the connection that asks for it sends nothing else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        host, port = self._parts.hostname or "", self._parts.port or 443
        try:
            async with asyncio.timeout(10):
                _, writer = await asyncio.open_connection(host, port, ssl=context)
        except (OSError, TimeoutError) as error:
            raise Unavailable(BMC, "TLS", 0, type(error).__name__, str(error)) from None
        tls = writer.get_extra_info("ssl_object")
        certificate: bytes = tls.getpeercert(binary_form=True) or b""
        writer.transport.abort()
        return certificate
