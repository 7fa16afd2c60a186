"""What a change of a dedicated server does, and that no data of it is lost unasked."""

from __future__ import annotations

from typing import Any

import pytest

from kokunai.drivers.sakura_phy_views import OsImage, Plan, Service, Tag
from kokunai.errors import KokunaiError
from kokunai.plugin.inputs import checked
from kokunai.plugin.kind import Change, Transition
from kokunai.plugin.sakura.dedicated import choice, images, ports
from kokunai.plugin.sakura.dedicated.inputs import DedicatedServerInputs
from kokunai.plugin.serving.data_guard import DataGuard
from kokunai.plugin.stack import comparison
from support.phy_account import KEY, inputs
from support.phy_kind import kind, operation

KIND = kind(None)  # type: ignore[arg-type]  # nothing here calls an API
ID = "100000000201"
OTHER_KEY = KEY.replace("AQEB", "AgIC", 1)


def changes(**changed: Any) -> dict[str, Change]:
    old = inputs()
    found = KIND.diff(Transition(ID, {**old, "powerStatus": "on"}, old, {**old, **changed}))
    return {change.path: change for change in found}


@pytest.mark.parametrize("name", ["osImage"])
def test_another_image_erases_in_place(name: str) -> None:
    [change] = changes(**{name: "Ubuntu 24.04"}).values()

    assert (change.loses, change.replace) == (True, False)
    assert "データは失われます" in change.reason


def test_an_image_that_is_not_installed_changes_nothing_on_the_disks() -> None:
    found = changes(osImage="Ubuntu 24.04", reinstall=False)

    assert not any(change.loses or change.replace for change in found.values())


def test_another_model_or_service_is_another_server() -> None:
    assert changes(model="B200")["model"].replace
    assert changes(serviceId="100000000202")["serviceId"].replace
    assert changes(serviceId=ID) == {}
    assert changes(exceptServices=["100000000301"]) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"bonding": "single"},
        {"internet": "none"},
        {"privateNetworkIds": ["300000000001"]},
        {"sshPublicKeys": [OTHER_KEY]},
        {"tag": "other"},
        {"labels": {"data-class": "public"}},
        {"paidUntil": "2027-03-31"},
        {"reinstall": False},
    ],
)
def test_everything_else_is_in_place_and_loses_nothing(changed: dict[str, Any]) -> None:
    found = changes(**changed)

    assert found
    assert not any(change.loses or change.replace for change in found.values())


def test_another_comment_behind_a_key_is_no_change() -> None:
    assert changes(sshPublicKeys=[KEY.replace(" me", " you")]) == {}


def test_a_server_that_is_off_or_half_installed_is_a_change() -> None:
    old = inputs()
    state = {**old, "powerStatus": "off", "installation": "begun"}

    found = KIND.diff(Transition(ID, state, old, old))

    assert {change.path for change in found} == {"powerStatus", "installation"}
    assert not any(change.loses for change in found)


def test_an_installation_is_refused_until_it_is_allowed() -> None:
    old, new = inputs(), inputs(osImage="Ubuntu 24.04")
    op = operation()

    with pytest.raises(KokunaiError, match="専用サーバー node-0") as refusal:
        DataGuard().refuse_update(KIND, op, Transition(ID, old, old, new))
    assert "allow_data_loss" in str(refusal.value)

    op.config = {"allowDataLoss": "node-0"}
    DataGuard().refuse_update(KIND, op, Transition(ID, old, old, new))


def test_the_stack_remembers_what_an_installation_would_erase() -> None:
    def row(image: str) -> dict[str, Any]:
        held = {"reinstall": True, "osImage": image, "storageGib": 30000}
        return {"type": KIND.pulumi_type, "name": "train-0", "pool": "train", "inputs": held}

    kinds = {KIND.pulumi_type: KIND}
    [erased] = comparison.losses(kinds, [row("Ubuntu 22.04")], [row("Ubuntu 24.04")])
    [gone] = comparison.losses(kinds, [row("Ubuntu 22.04")], [])

    assert [change.path for change in erased.replacing] == ["osImage"]
    assert (gone.held.gib, gone.held.ja) == (30000, "専用サーバー")
    assert list(comparison.losses(kinds, [row("Ubuntu 22.04")], [row("Ubuntu 22.04")])) == []


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"serviceId": "100000000201"}, {"serviceId": "100000000202"}, ["serviceId"]),
        ({"model": "H100"}, {"model": "B200"}, ["model"]),
        # Which server a model led to is not in the row; the server's own diff knows it.
        ({"model": "H100"}, {"serviceId": "100000000201"}, []),
        ({"serviceId": "100000000201"}, {"model": "H100"}, []),
        # A row of an earlier version.
        ({}, {"serviceId": "100000000201"}, []),
        ({}, {"model": "H100"}, []),
    ],
)
def test_the_stack_remembers_which_server_has_the_data(
    before: dict[str, str], after: dict[str, str], lost: list[str]
) -> None:
    def row(named: dict[str, str]) -> dict[str, Any]:
        held = {**named, "reinstall": True, "osImage": "Ubuntu 22.04", "storageGib": 30000}
        return {"type": KIND.pulumi_type, "name": "train-0", "pool": "train", "inputs": held}

    found = comparison.losses({KIND.pulumi_type: KIND}, [row(before)], [row(after)])

    assert [change.path for loss in found for change in loss.replacing] == lost


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"model": "", "tag": "x"}, "serviceId"),
        ({"tag": ""}, "serviceId"),
        ({"osImage": ""}, "osImage"),
        ({"sshPublicKeys": []}, "sshPublicKeys"),
        ({"internet": "dedicated"}, "dedicatedSubnetId"),
        ({"dedicatedSubnetId": "200000000001"}, "dedicatedSubnetId"),
        ({"labels": {"data-class": "internal", "kokunai.image": "x"}}, "labels.kokunai.image"),
        ({"bonding": "duct-tape"}, "bonding"),
        ({"serviceId": "../1"}, "serviceId"),
        ({"privateNetworkIds": ["x"]}, "privateNetworkIds[0]"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    changed: dict[str, Any], place: str
) -> None:
    found = checked(DedicatedServerInputs, inputs(**changed)).failures

    assert [problem.path for problem in found] == [place]


def test_right_inputs_come_out_as_they_went_in() -> None:
    assert checked(DedicatedServerInputs, inputs()).inputs == inputs()
    assert checked(DedicatedServerInputs, inputs()).failures == ()


def service(name: str, *tags: str, plan_id: str = "p") -> Service:
    return Service(
        service_id=ID,
        nickname="n",
        description=None,
        activated="",
        product_category="server",
        tags=[Tag(label=tag) for tag in tags],
        plan=Plan(plan_id=plan_id, name=name),
    )


@pytest.mark.parametrize(
    ("name", "model", "is_it"),
    [
        ("高火力 PHY NVIDIA H100 80GB x8", "H100", True),
        ("8xH100", "h100", True),
        ("H100x8 (SYS-821GE-TNHR)", "H100", True),
        ("Ｈ１００", "H100", True),
        ("GH1000", "H100", False),
        ("H200 141GB x8", "H100", False),
        ("H200 141GB x8", "H200 141GB", True),
    ],
)
def test_a_model_is_found_by_the_words_of_its_plan(name: str, model: str, *, is_it: bool) -> None:
    assert choice.is_model(service(name), model) is is_it


def image(id_: str, name: str, **changed: Any) -> OsImage:
    given = {"superuser_name": "ubuntu", "public_key_authentication": True, **changed}
    return OsImage(os_image_id=id_, name=name, **given)


IMAGES = [
    image("ubuntu2204-x86_64", "Ubuntu 22.04"),
    image("ubuntu2404-x86_64", "Ubuntu 24.04"),
    image("old", "Debian 8", public_key_authentication=False),
]


def test_an_image_is_found_by_its_id_or_by_words_that_only_it_has() -> None:
    assert images.chosen(IMAGES, "ubuntu2404-x86_64").name == "Ubuntu 24.04"
    assert images.chosen(IMAGES, "Ubuntu 22.04", "ubuntu").os_image_id == "ubuntu2204-x86_64"


@pytest.mark.parametrize(
    ("wanted", "user", "said"),
    [
        ("Ubuntu", "", "複数あります"),
        ("Rocky 9", "", "選べるもの"),
        ("old", "", "公開鍵に対応していません"),
        ("Ubuntu 22.04", "root", "root では"),
    ],
)
def test_an_image_that_will_not_do_is_told(wanted: str, user: str, said: str) -> None:
    with pytest.raises(KokunaiError, match=said):
        images.chosen(IMAGES, wanted, user)


def test_ports_are_connected_as_the_bonding_has_them() -> None:
    bonded = inputs(privateNetworkIds=["300000000001"])
    parted = inputs(privateNetworkIds=["300000000001"], bonding="single")

    [trunk] = ports.assignments(bonded)
    internet, private = ports.assignments(parted)

    assert (trunk["mode"], trunk["internet_type"]) == ("trunk", "common_subnet")
    assert (internet["mode"], internet["private_network_ids"]) == ("access", [])
    assert (private["mode"], private["internet_type"]) == ("access", None)
    assert ports.assignments(inputs(internet="none")) == [ports.NOTHING]
