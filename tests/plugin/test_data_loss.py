"""What would be lost is said in both languages before anything is touched, and asked for."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from plugin_sakura import IMAGE, nfs_inputs, plugin, server_inputs
from pulumi.runtime.proto import provider_pb2

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import Change
from kokunai.plugin.sakura.accounts import Accounts
from kokunai.plugin.sakura.server.kind import Server
from kokunai.plugin.serving import command_line, properties
from kokunai.plugin.serving.data_guard import DataGuard
from kokunai.plugin.serving.engine_log import INFO, WARNING
from support.operation import Operation
from support.plugin_engine import Engine, Failed, urn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOLDERS = "kokunai:stack:DataHolders"
SERVER, NFS = "kokunai:sakura:Server", "kokunai:sakura:Nfs"
WHERE = urn(HOLDERS, "data")
GOVERNED = {"site": "sakura-ishikari", "labels": {"data-class": "internal"}}
Rows = list[dict[str, Any]]


def server(pool: str, number: int, host: int, **changed: Any) -> dict[str, Any]:
    inputs = {"zone": "is1a", "disks": [{"sizeGib": 100, "plan": "ssd", "image": IMAGE}]}
    return {
        "type": SERVER,
        "name": f"{pool}-{number}",
        "pool": pool,
        "network": "cluster",
        "address": f"192.168.10.{host}",
        "inputs": inputs,
        **changed,
    }


def share(name: str, host: int = 9, **changed: Any) -> dict[str, Any]:
    address = f"192.168.10.{host}"
    inputs = {"zone": "is1a", "plan": "ssd", "sizeGib": 100, "address": address}
    return {
        "type": NFS,
        "name": name,
        "network": "cluster",
        "address": address,
        "inputs": {**inputs, "prefixLength": 24},
        **changed,
    }


OLD: Rows = [server("train", 0, 11), server("train", 1, 12), share("datasets")]


def changed(index: int, **inputs: Any) -> Rows:
    """The old rows, of which one is asked for otherwise."""
    rows = copy.deepcopy(OLD)
    rows[index]["inputs"] |= inputs
    return rows


def renamed(*, was: bool) -> Rows:
    """Pool and share under new names."""
    rows = [server("tune", 0, 11), server("tune", 1, 12), share("data")]
    former = {"tune-0": "train-0", "tune-1": "train-1", "data": "datasets"}
    return [{**row, "was": former[row["name"]]} for row in rows] if was else rows


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with plugin() as engine:
        yield engine


async def preview(
    engine: Engine, new: Rows, old: Rows = OLD, allowed: str = "", **more: Any
) -> str:
    """What the preview of an update says. Raises Failed with its refusal."""
    await engine.configure({"allowDataLoss": allowed} if allowed else {})
    olds, news = {**GOVERNED, "holders": old}, {**GOVERNED, "holders": new, **more}
    await engine.update(WHERE, "id", olds, olds, news, preview=True)
    return engine.log.said()


BIGGER = [{"sizeGib": 200, "plan": "ssd", "image": IMAGE}]
OTHER_IMAGE = [{"sizeGib": 100, "plan": "ssd", "image": "another"}]
LOSSES: dict[str, tuple[Rows, str, list[str]]] = {
    "share grown": (
        changed(2, sizeGib=500),
        "datasets",
        ["共有ストレージ datasets: 100 GiB のデータが失われます。作り直し（sizeGib）", "sizeGib"],
    ),
    "share of another kind": (changed(2, plan="hdd"), "datasets", ["replaced (plan)"]),
    "share at another host": (changed(2, address="192.168.10.8"), "datasets", ["(address)"]),
    "network with another mask": (changed(2, prefixLength=16), "datasets", ["(prefixLength)"]),
    "share in another zone": (changed(2, zone="tk1a"), "datasets", ["replaced (zone)"]),
    "share removed": (OLD[:2], "datasets", ["file share datasets: 100 GiB", "was: datasets"]),
    "share renamed": ([*OLD[:2], share("data", 8)], "datasets", ["was: datasets"]),
    "disk grown": (
        changed(1, disks=BIGGER),
        "train",
        ["プール train のサーバー 1 台（train-1）: 100 GiB", "1 server of pool train (train-1)"],
    ),
    "image changed": (changed(0, disks=OTHER_IMAGE), "train", ["(disks[0].image)"]),
    "node in another zone": (changed(0, zone="tk1a"), "train", ["replaced (zone)"]),
    "pool shrunk": ([OLD[0], OLD[2]], "train", ["プールの台数が減るため", "the pool shrinks"]),
    "pool removed": (OLD[2:], "train", ["2 台（train-0、train-1）: 200 GiB", "was: train"]),
    "pool renamed": (renamed(was=False)[:2] + OLD[2:], "train", ["200 GiB of data will be lost"]),
}


@pytest.mark.parametrize(("new", "name", "said"), LOSSES.values(), ids=LOSSES)
async def test_a_loss_is_refused_until_it_is_allowed_by_name(
    engine: Engine, new: Rows, name: str, said: list[str]
) -> None:
    elsewhere = [{**row, "network": f"{row['network']}-2"} for row in new if row not in OLD]
    new = [row for row in new if row in OLD] + elsewhere

    with pytest.raises(Failed) as refusal:
        await preview(engine, new, allowed="somebody-else")
    async with plugin() as another:
        allowed = await preview(another, new, allowed=f"x,{name}")

    assert refusal.value.message.startswith("データが失われるため、中止しました。")
    assert "\nData would be lost, so this was stopped" in refusal.value.message
    assert f"pulumi config set kokunai:allowDataLoss {name}" in refusal.value.message
    assert all(text in refusal.value.message for text in said)
    assert allowed.startswith("この変更でデータが失われます")


async def test_everything_that_would_be_lost_is_told_at_once(engine: Engine) -> None:
    with pytest.raises(Failed) as refusal:
        await preview(engine, [])

    assert "datasets: 100 GiB" in refusal.value.message
    assert "(train-0, train-1): 200 GiB" in refusal.value.message
    assert "allow_data_loss: [datasets, train]" in refusal.value.message


async def test_a_shrunken_pool_is_not_mistaken_for_a_renamed_one(engine: Engine) -> None:
    with pytest.raises(Failed) as refusal:
        await preview(engine, [OLD[0], OLD[2]])

    assert "was:" not in refusal.value.message


async def test_an_update_refuses_what_its_preview_would(engine: Engine) -> None:
    olds, news = {**GOVERNED, "holders": OLD}, {**GOVERNED, "holders": []}
    await engine.configure({})

    with pytest.raises(Failed, match="would be lost"):
        await engine.update(WHERE, "id", olds, olds, news)


HARMLESS: dict[str, Rows] = {
    "as it is": OLD,
    "in another order": OLD[::-1],
    "pool grown": [*OLD, server("train", 2, 13)],
    "share added": [*OLD, share("more", 8)],
    "all renamed": renamed(was=True),
    "pool moved up": [server("train", 0, 12), server("train", 1, 13), OLD[2]],
    "network renamed": [{**row, "network": "lan", "networkWas": "cluster"} for row in OLD],
}


@pytest.mark.parametrize("new", HARMLESS.values(), ids=HARMLESS)
async def test_what_loses_nothing_needs_no_word(engine: Engine, new: Rows) -> None:
    assert not await preview(engine, new)


@pytest.mark.parametrize(
    ("new", "holder", "taker"),
    [
        ([OLD[0], server("infer", 0, 12), OLD[2]], "train-1", "infer-0"),
        ([*OLD[:2], share("data")], "datasets", "data"),
        (
            [{**row, "network": "lan", "networkWas": "cluster"} for row in OLD[:2]]
            + [share("data", network="lan", networkWas="cluster")],
            "datasets",
            "data",
        ),
    ],
)
async def test_who_still_has_an_address_is_named(
    engine: Engine, new: Rows, holder: str, taker: str
) -> None:
    with pytest.raises(Failed) as refusal:
        await preview(engine, new, allowed="train,datasets")

    assert f"still in use by {holder}, so {taker} cannot have it" in refusal.value.message
    assert f"{holder} が使用中のため、{taker} には割り当てられません" in refusal.value.message


async def test_pools_that_swap_addresses_are_refused(engine: Engine) -> None:
    old = [server("a", 0, 11), server("b", 0, 21)]

    with pytest.raises(Failed, match=r"192\.168\.10\.21 is still in use by b-0, so a-0"):
        await preview(engine, [server("a", 0, 21), server("b", 0, 11)], old)


@pytest.mark.parametrize(
    ("data_class", "said"),
    [
        ("personal", "データ区分: internal → personal（引き上げ）"),
        ("public", "データ区分: internal → public（引き下げ）"),
    ],
)
async def test_a_change_of_data_class_is_one_plain_line(
    engine: Engine, data_class: str, said: str
) -> None:
    heard = await preview(engine, OLD, labels={"data-class": data_class})

    assert heard.startswith(said)
    severe = [severity for severity, _, text in engine.log.lines if text.startswith("データ区分")]
    assert severe == [INFO if data_class == "personal" else WARNING]


async def test_a_protected_node_that_is_gone_says_how_to_lift_it(engine: Engine) -> None:
    old = [{**row, "protected": True} for row in OLD]

    with pytest.raises(Failed, match="pulumi state unprotect"):
        await preview(engine, OLD[:1], old)


async def test_a_replacement_that_no_row_foretold_is_refused(engine: Engine) -> None:
    where, old = urn(NFS, "datasets"), nfs_inputs("113000000001")
    new = {**old, "sizeGib": 500}
    await engine.configure({})

    await engine.diff(where, "id", old, old, new)
    with pytest.raises(Failed, match=r"file share datasets \(100 GiB\)") as refusal:
        await engine.create(where, new, preview=True)

    assert "allow_data_loss: [datasets]" in refusal.value.message


async def check(engine: Engine, where: str, new: Any, old: Any = None) -> None:
    known = {"olds": properties.encode(old)} if old else {}
    news = properties.encode(new)
    await engine.stub.Check(provider_pb2.CheckRequest(urn=where, news=news, **known))


@pytest.mark.parametrize("allowed", ["", "datasets"])
@pytest.mark.parametrize("by", ["command line", "replaceWith", "replaceOnChanges"])
async def test_a_replacement_that_no_change_of_ours_demands_is_said_and_asked_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, by: str, allowed: str
) -> None:
    where, inputs = urn(NFS, "datasets"), nfs_inputs("113000000001")
    await engine.configure({"allowDataLoss": allowed} if allowed else {})
    if by == "command line":
        monkeypatch.setattr(command_line, "_asked_for", lambda: (r"urn:.*::datasets",))
    else:
        await check(engine, where, inputs, inputs)
    if by == "replaceOnChanges":
        await engine.diff(where, "id", inputs, inputs, inputs)
    await check(engine, where, inputs)

    if allowed:
        await engine.create(where, inputs, preview=True)
        assert "datasets will be replaced (replace)" in engine.log.said()
        assert "taking over" not in engine.log.said()
        return
    with pytest.raises(Failed, match=r"Data of file share datasets \(100 GiB\)") as refusal:
        await engine.create(where, inputs, preview=True)

    assert "作り直しが指定されています" in refusal.value.message
    assert "allow_data_loss: [datasets]" in refusal.value.message


async def test_a_first_create_is_no_replacement(engine: Engine) -> None:
    await engine.configure({})
    await check(engine, urn(NFS, "datasets"), nfs_inputs("113000000001"))

    await engine.create(urn(NFS, "datasets"), nfs_inputs("113000000001"), preview=True)

    assert "replaced" not in engine.log.said()


GUARDED = server_inputs(labels={"data-class": "internal", "pool": "train"})


@pytest.mark.parametrize("name", ["train-0", "train"])
def test_a_program_deletes_no_data_unasked_and_a_destroy_deletes_it(name: str) -> None:
    kind, guard = Server(Accounts()), DataGuard()
    asked = Operation("train-0", config={"allowDataLoss": name})

    guard.refuse_deletion(kind, Operation("train-0"), GUARDED)
    guard.has_program = True
    guard.refuse_deletion(kind, asked, GUARDED)
    guard.refuse_replacement(kind, asked, GUARDED, [Change("zone", replace=True)])

    with pytest.raises(KokunaiError, match="train-0"):
        guard.refuse_deletion(kind, Operation("train-0"), GUARDED)


def test_a_program_that_declares_nothing_any_more_is_no_destroy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind, guard = Server(Accounts()), DataGuard()

    monkeypatch.setattr(command_line, "is_destroy", lambda: False)
    with pytest.raises(KokunaiError, match="pulumi destroy --target 'urn:"):
        guard.refuse_deletion(kind, Operation("train-0"), GUARDED)
    guard.refuse_deletion(kind, Operation("train-0", config={"allowDataLoss": "train"}), GUARDED)
    monkeypatch.setattr(command_line, "is_destroy", lambda: True)
    guard.has_program = True  # with --run-program
    guard.refuse_deletion(kind, Operation("train-0"), GUARDED)


@pytest.mark.parametrize(
    ("new", "allowed", "unknown"),
    [
        (OLD, "trian", "trian"),
        (OLD, "train,nothing,train-1", "nothing"),
        (OLD, "train,train-0,datasets", ""),
        (OLD[:2], "datasets", ""),  # it was just removed from the file
        (renamed(was=True), "train,datasets", ""),
        ([*OLD, share("more", 8)], "more", ""),
        (OLD, "", ""),
    ],
)
async def test_a_permission_for_a_name_of_nothing_is_told_whether_or_not_anything_changes(
    engine: Engine, new: Rows, allowed: str, unknown: str
) -> None:
    await engine.configure({"allowDataLoss": allowed} if allowed else {})
    olds, news = {**GOVERNED, "holders": OLD}, {**GOVERNED, "holders": new}

    await engine.diff(WHERE, "id", olds, olds, news)

    said = engine.log.said()
    assert ("allow_data_loss" in said) == bool(unknown)
    if unknown:
        assert f"allow_data_loss の {unknown} は" in said
        assert "it may name: datasets, train, train-0, train-1." in said


async def test_the_first_up_tells_of_a_permission_for_nothing_too(engine: Engine) -> None:
    await engine.configure({"allowDataLoss": "dataset"})

    await engine.create(WHERE, {**GOVERNED, "holders": OLD}, preview=True)

    assert "allow_data_loss names dataset, which" in engine.log.said()
