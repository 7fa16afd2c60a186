"""Power and health of a host of a contract, through its board controller, as far as allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kokunai.drivers.redfish import Redfish, ResetType, System

Wish = Literal["on", "off", "cycle"]
_POLL_SECONDS = 2.0
_GRACEFUL_SECONDS = 120.0
_FORCED_SECONDS = 60.0
_RESETS: Final[dict[Wish, tuple[ResetType, ...]]] = {
    "on": ("On",),
    "off": ("GracefulShutdown", "ForceOff"),
    "cycle": ("ForceRestart",),
}


def refuse_unless_allowed(host: str, power: str) -> None:
    """Raises KokunaiError where the contract does not let us switch the host."""
    if power != "allowed":
        raise KokunaiError(
            ja=f"{host} の電源は契約で操作を許されていません（power: none）。"
            "許可を得たら契約ファイルに power: allowed と書いてください",
            en=f"the contract does not let us switch {host} (power: none); once the operator "
            "agrees, write power: allowed in the contract file",
        )


async def switch(
    controller: Redfish,
    wish: Wish,
    *,
    host: str,
    power: str,
    sleep: Callable[[float], Awaitable[None]],
) -> System:
    """Switch a host and wait until it is so; one that is so already is left alone.

    A switch off asks the operating system first and forces it only after two minutes. Raises
    KokunaiError where the contract forbids it or the state is not reached.
    """
    refuse_unless_allowed(host, power)
    wanted = "Off" if wish == "off" else "On"
    system = await controller.system()
    if wish != "cycle" and system.power_state == wanted:
        return system
    if wish == "cycle" and system.power_state == "Off":
        wish = "on"
    for reset in _RESETS[wish]:
        await controller.reset(system, reset)
        is_polite = reset == "GracefulShutdown"
        waited, longest = 0.0, _GRACEFUL_SECONDS if is_polite else _FORCED_SECONDS
        while waited < longest:
            await sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
            system = await controller.system()
            if system.power_state == wanted:
                return system
    raise KokunaiError(
        ja=f"{host} の電源が {wanted} になりません（現在: {system.power_state}）。"
        "事業者に確かめてください",
        en=f"{host} does not become {wanted} (it is {system.power_state}); ask the operator",
    )
