"""What a host's board controller tells of it, and the one change that is asked of it: power on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kokunai import user_paths
from kokunai.drivers.errors import DriverError
from kokunai.drivers.redfish import Login, Redfish, Trust
from kokunai.plugin.ansible import places
from kokunai.plugin.contract import power
from kokunai.plugin.settings import Section, SectionModel
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from kokunai.plugin.kind import Operation, Props

_STARTING = "PoweringOn"


class BoardSettings(SectionModel):
    """The login of board controllers, which a contract that allows power hands over."""

    bmc_user: str | None = None
    """User of the hosts' BMCs. / ホストの BMC のユーザー名。"""
    bmc_password: str | None = None
    """Password of the hosts' BMCs. / ホストの BMC のパスワード。"""


SECTION = Section(
    prefix="",
    model=BoardSettings,
    environment={
        "bmc_user": ("KOKUNAI_BMC_USER",),
        "bmc_password": ("KOKUNAI_BMC_PASSWORD",),
    },
    secret_fields=frozenset({"bmc_user", "bmc_password"}),
)


@dataclass(frozen=True)
class Condition:
    """Power and health as the controller tells them; None where it was not asked or is silent."""

    power: str | None = None
    health: str | None = None
    was_off: bool = False
    """It was switched on a moment ago."""

    @property
    def is_booting(self) -> bool:
        """Whether SSH may need some time to answer."""
        return self.was_off or self.power == _STARTING

    def outputs(self) -> dict[str, str]:
        """As facts of the resource."""
        told = {"power": self.power, "health": self.health}
        return {key: value for key, value in told.items() if value is not None}


async def look(op: Operation, host: str, inputs: Props, *, switch_on: bool = False) -> Condition:
    """Ask for power and health; `switch_on` lets a host that is off be switched on.

    The input `bmc` is there only where the contract allows power. A controller that does not
    answer is a warning: the host itself may. Raises KokunaiError for another certificate, and for
    a host that does not become on.
    """
    given = inputs.get("bmc")
    if not given:
        return Condition()
    login = _login(op)
    if login is None:
        op.warn(
            f"{host}: BMC のユーザー名とパスワードがないため、電源の状態は未検証です。"
            "KOKUNAI_BMC_USER と KOKUNAI_BMC_PASSWORD、または pulumi config set --secret で "
            "kokunai:bmcUser と kokunai:bmcPassword を指定してください\n"
            f"{host}: without user and password of its BMC its power is not verified; export "
            "KOKUNAI_BMC_USER and KOKUNAI_BMC_PASSWORD, or set the secrets kokunai:bmcUser and "
            "kokunai:bmcPassword"
        )
        return Condition()
    try:
        ask = partial(_asked, op, host, given, login, switch_on=switch_on)
        found = await Waiting(op).once(ask)
    except DriverError as error:
        op.warn(
            f"{host}: BMC から電源の状態が得られないため、未検証です: {error}\n"
            f"{host}: its BMC does not tell its power, which is not verified: {error}"
        )
        return Condition()
    _tell(op, host, found)
    return found


def _login(op: Operation) -> Login | None:
    user, password = op.config.get("bmcUser"), op.config.get("bmcPassword")
    return Login(str(user), str(password)) if user and password else None


def _trust(given: dict[str, Any]) -> Trust:
    """By what the contract knows the certificate. Raises KokunaiError for a file that is absent."""
    if not (named := given.get("caFile")):
        return Trust(pin=given.get("certificateSha256") or "")
    path = user_paths.absolute(places.project_root(), named)
    user_paths.require_file(path, "bmc.ca_file")
    return Trust(ca_file=Path(path))


async def _asked(
    op: Operation, host: str, given: dict[str, Any], login: Login, *, switch_on: bool
) -> Condition:
    async with Redfish(given["url"], login, _trust(given)) as controller:
        system = await controller.system()
        was_off = switch_on and system.power_state == "Off"
        if was_off:
            op.info(
                f"{host} の電源が切れているため、入れます（契約で許可されています）\n"
                f"{host} is off and is switched on, as its contract allows"
            )
            system = await power.switch(
                controller, "on", host=host, power="allowed", sleep=op.sleep
            )
        return Condition(system.power_state, system.status.health, was_off)


def _tell(op: Operation, host: str, found: Condition) -> None:
    if found.power == "Off":
        op.warn(f"{host} の電源が切れています\n{host} is off")
    if found.health in {"Warning", "Critical"}:
        op.warn(
            f"{host}: BMC が異常を報告しています（{found.health}）。事業者に確かめてください\n"
            f"{host}: its BMC reports {found.health}; ask the operator"
        )
