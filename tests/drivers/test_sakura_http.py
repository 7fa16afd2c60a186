"""One call: what is sent, and what each answer means."""

from __future__ import annotations

import httpx
import pytest

from kokunai.drivers import errors
from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import SERVER, SakuraIaas

ANSWERS = [
    (400, "invalid_param", errors.Refused),
    (401, "unauthorized", errors.Unauthorized),
    (403, "forbidden", errors.Unauthorized),
    (404, "not_found", errors.NotFound),
    (409, "still_creating", errors.StillCreating),
    (409, "server_power_must_be_down", errors.Conflict),
    (423, "locked", errors.Busy),
    (429, "too_many_requests", errors.RateLimited),
    (500, "internal", errors.Unavailable),
    (503, "service_unavailable", errors.Unavailable),
]


async def call(answer, **named):
    transport = httpx.MockTransport(answer if callable(answer) else lambda _: answer)
    async with SakuraHttp("token", "the-secret", transport=transport) as http:
        return await http.call("GET", "is1a", "server/1", **named)


async def test_a_call_carries_basic_auth_and_the_header_against_forgery() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Basic dG9rZW46dGhlLXNlY3JldA=="
        assert request.headers["X-Requested-With"] == "XMLHttpRequest"
        assert str(request.url) == (
            "https://secure.sakura.ad.jp/cloud/zone/is1a/api/cloud/1.1/server/1"
        )
        return httpx.Response(200, json={"Server": {"ID": "1"}, "is_ok": True})

    assert (await call(answer))["Server"] == {"ID": "1"}


@pytest.mark.parametrize(("status", "code", "expected"), ANSWERS)
async def test_every_refusal_has_its_class(status, code, expected) -> None:
    body = {"is_fatal": True, "status": f"{status}", "error_code": code, "error_msg": "why"}

    with pytest.raises(errors.DriverError) as refusal:
        await call(httpx.Response(status, json=body))

    assert type(refusal.value) is expected
    assert (refusal.value.code, refusal.value.message) == (code, "why")


@pytest.mark.parametrize("success", [True, "true", "Accepted"])
async def test_success_is_a_bool_or_a_word(success) -> None:
    assert await call(httpx.Response(202, json={"Success": success, "is_ok": True}))


async def test_a_failure_inside_a_200_is_a_failure() -> None:
    with pytest.raises(errors.Refused):
        await call(httpx.Response(200, json={"Success": False, "error_code": "x"}))


async def test_an_answer_that_is_not_json_may_pass() -> None:
    with pytest.raises(errors.Unavailable):
        await call(httpx.Response(200, text="<html>maintenance</html>"))
    with pytest.raises(errors.Unavailable):
        await call(httpx.Response(502, text="<html>bad gateway</html>"))


@pytest.mark.parametrize("body", [{}, {"Server": None}, {"Server": {}}, {"Server": []}])
async def test_an_answer_without_its_item_may_pass(body) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"is_ok": True, **body}))
    async with SakuraHttp("token", "secret", transport=transport) as http:
        with pytest.raises(errors.Unavailable, match="no Server"):
            await SakuraIaas(http).read(SERVER, "is1a", "1")


async def test_no_answer_may_pass_and_says_nothing_secret() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    with pytest.raises(errors.Unavailable) as failure:
        await call(answer, body={"Password": "hidden"})

    assert "the-secret" not in str(failure.value)
    assert "hidden" not in str(failure.value)


@pytest.mark.parametrize(("method", "seconds"), [("GET", 30), ("POST", 300), ("PUT", 300)])
async def test_a_call_that_changes_something_is_waited_for(method, seconds) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.extensions["timeout"]["read"] == seconds
        assert request.extensions["timeout"]["connect"] == 5
        return httpx.Response(200, json={"is_ok": True})

    async with SakuraHttp("t", "s", transport=httpx.MockTransport(answer)) as http:
        assert await http.call(method, "is1a", "server")


async def test_the_api_may_say_how_long_to_wait() -> None:
    answer = httpx.Response(429, headers={"Retry-After": "7"}, json={})

    with pytest.raises(errors.RateLimited) as failure:
        await call(answer)

    assert failure.value.retry_after_seconds == 7.0


async def test_this_machine_is_reached_without_the_proxy_of_the_site(monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    proxied: list[str] = []

    async def request(transport, request):
        proxied.append(f"{type(transport._pool).__name__} {request.url.host}")
        return httpx.Response(200, json={"is_ok": True})

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", request)
    for root in ("http://127.0.0.1:1/cloud/zone", "http://api.example/cloud/zone"):
        async with SakuraHttp("t", "s", root) as http:
            await http.call("GET", "is1a", "zone")

    assert proxied == ["AsyncConnectionPool 127.0.0.1", "AsyncHTTPProxy api.example"]
