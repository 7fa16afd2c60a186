"""Redfish against the emulator of sushy-tools, with its fake servers, TLS and logins."""

from __future__ import annotations

import asyncio

import pytest

from kokunai.drivers.errors import NotUnderstood, Unauthorized, Unavailable
from kokunai.drivers.redfish import Login, Redfish, System, Trust
from kokunai.errors import KokunaiError
from kokunai.plugin.contract import power
from support.redfish_emulator import LOGIN, Emulator, emulator

__all__ = ["emulator"]


async def no_wait(_: float) -> None:
    """What is scripted needs no time."""


async def short_wait(_: float) -> None:
    await asyncio.sleep(0.3)


@pytest.mark.slow
async def test_power_is_read_and_switched(emulator: Emulator):
    async with Redfish(emulator.url, LOGIN, Trust(pin=emulator.pin)) as controller:
        before = await controller.system()
        for wish, state in (("on", "On"), ("on", "On"), ("cycle", "On"), ("off", "Off")):
            after = await power.switch(
                controller, wish, host="n1", power="allowed", sleep=short_wait
            )
            assert after.power_state == state

    assert before.power_state == "Off"
    assert before.status.health == "OK"


@pytest.mark.slow
async def test_a_contract_that_forbids_it_is_obeyed(emulator: Emulator):
    async with Redfish(emulator.url, LOGIN, Trust(ca_file=emulator.certificate)) as controller:
        before = await controller.system()
        with pytest.raises(KokunaiError, match="does not let us switch n1"):
            await power.switch(controller, "on", host="n1", power="none", sleep=no_wait)

        assert (await controller.system()).power_state == before.power_state


@pytest.mark.slow
async def test_a_wrong_password_is_refused_and_never_shown(emulator: Emulator):
    login = Login("operator", "another-staple")

    with pytest.raises(Unauthorized) as failure:
        async with Redfish(emulator.url, login, Trust(pin=emulator.pin)) as controller:
            await controller.system()

    assert "staple" not in f"{failure.value} {failure.value!r} {login!r}"


@pytest.mark.slow
async def test_another_certificate_gets_no_login(emulator: Emulator):
    with pytest.raises(KokunaiError, match="another certificate than the contract's"):
        async with Redfish(emulator.url, LOGIN, Trust(pin="00" * 32)):
            pass

    with pytest.raises(Unavailable, match="certificate verify failed"):
        async with Redfish(emulator.url, LOGIN) as controller:
            await controller.system()


def test_a_login_is_sent_over_https_only():
    with pytest.raises(KokunaiError, match="must begin with https"):
        Redfish("http://192.0.2.1", LOGIN)


async def test_an_unreachable_controller_is_said():
    with pytest.raises(Unavailable):
        async with Redfish("http://127.0.0.1:9", LOGIN) as controller:
            await controller.system()


@pytest.mark.parametrize(
    "body",
    [
        '{"Systems": {"@odata.id": "http://192.0.2.1/redfish/v1/Systems"}}',
        '{"Systems": {"@odata.id": "/redfish/v1/Systems?x"}}',
        '{"Systems": []}',
        "<html>",
        "[]",
    ],
)
async def test_another_answer_than_redfish_is_not_understood(
    monkeypatch: pytest.MonkeyPatch, body: str
):
    async with Redfish("http://127.0.0.1:9", LOGIN) as controller:

        async def answer(*_: object) -> tuple[int, bytes]:
            return 200, body.encode()

        monkeypatch.setattr(controller, "_call", answer)
        with pytest.raises(NotUnderstood):
            await controller.system()


class Scripted:
    """A controller whose power follows a script."""

    def __init__(self, *states: str) -> None:
        self.states, self.resets = list(states), []

    async def system(self) -> System:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return System.model_validate({"@odata.id": "/redfish/v1/Systems/1", "PowerState": state})

    async def reset(self, _: System, kind: str) -> None:
        self.resets.append(kind)
        if kind == "ForceOff":
            self.states = ["Off"]


async def test_power_is_taken_by_force_only_after_the_system_was_asked():
    controller = Scripted("On")

    await power.switch(controller, "off", host="n1", power="allowed", sleep=no_wait)

    assert controller.resets == ["GracefulShutdown", "ForceOff"]


async def test_a_state_that_is_not_reached_is_said():
    with pytest.raises(KokunaiError, match="n1 does not become On"):
        await power.switch(Scripted("Off"), "on", host="n1", power="allowed", sleep=no_wait)


async def test_a_server_that_is_off_is_switched_on_instead_of_cycled():
    controller = Scripted("Off", "On")

    await power.switch(controller, "cycle", host="n1", power="allowed", sleep=no_wait)

    assert controller.resets == ["On"]
