"""The gaps of Pulumi's own Python server, closed: one toy kind, real gRPC."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from kokunai.errors import KokunaiError, Problem
from kokunai.plugin.kind import (
    UNKNOWN,
    Change,
    ChangeKind,
    Checked,
    Created,
    Found,
    InitFailed,
    Transition,
)
from kokunai.plugin.module import Module
from kokunai.plugin.sakura.accounts import SECTION
from kokunai.plugin.serving import properties, responses
from support.plugin_engine import Engine, Failed, running, urn

TOY = "kokunai:test:Toy"
WHERE = urn(TOY, "toy")
SECRET = "1b47061264138c4ac30d75fd1eb44270"

EVIL = "\x1b]0;x\x07\x1b[2J\u202egone\r\x9b1m"


class Toy:
    """Does what its inputs say, and remembers what it was given."""

    pulumi_type = TOY
    is_found_by_digest = False
    default_timeout_seconds = 30.0
    secret_properties = frozenset({"hidden"})

    def __init__(self) -> None:
        self.given: list[Any] = []

    def schema(self) -> dict[str, Any]:
        return {
            "inputProperties": {"act": {"type": "string"}},
            "requiredInputs": [],
            "properties": {"act": {"type": "string"}, "made": {"type": "string"}},
            "required": [],
        }

    def types(self) -> dict[str, Any]:
        return {}

    def identity(self, transition: Transition) -> str:
        return transition.id

    async def check(self, transition: Transition) -> Checked:
        failures = (Problem("act", "だめです", "it is bad"), Problem("more[0]", "二つ目", "second"))
        if transition.new.get("act") == "many":
            problem = Problem("list", f"30 個以下\x1b[2J{EVIL}", "at most 30")
            return Checked(transition.new, (problem,))
        is_bad = transition.new.get("act") == "bad"
        return Checked({**transition.new, "default": 1}, failures if is_bad else ())

    def diff(self, transition: Transition) -> list[Change]:
        self.given.append((transition.state, transition.old, transition.new))
        return [
            Change("act"),
            Change("size[0].gib", ChangeKind.ADD, replace=True, reason="大きさ / the size"),
            Change(
                "status", ChangeKind.DELETE, of_state=True, power_off=True, reason="電源 / power"
            ),
        ]

    async def create(self, op: Any, transition: Transition) -> Created:
        inputs = transition.new
        match inputs["act"]:
            case "user":
                raise KokunaiError(ja="直せます", en="you can fix it")
            case "bug":
                raise RuntimeError("oops")
            case "half":
                outputs = {"hidden": "psst", "big": ["x" * 100] * 10_000}
                raise InitFailed("id-7", outputs, ["一つ目\nfirst", "second"])
            case "echo":
                op.warn(f"the API says {inputs['hidden']}")
                op.status(f"still {inputs['token']['deep']}")
                raise InitFailed("id-8", {}, [f"refused {inputs['hidden']!r}"])
            case "echo bug":
                raise RuntimeError(f"{inputs['token']['deep']} {op.config}")
            case "foreign":
                for tell in (op.info, op.status, op.warn):
                    tell(f"一行目 {inputs['text']}\n  second")
                raise InitFailed("id-9", {}, [f"refused\n{inputs['text']}"])
            case "wait":
                op.info("a line")
                op.status("a passing line")
                op.warn("a warning")
                await op.sleep(20)
            case "name":
                seen = {"name": op.name, "stack": op.stack, "project": op.project}
                return Created("id", {**seen, "digest": op.digest, "left": op.remaining_seconds()})
        return Created("id-1", {**inputs, "hidden": "psst"})

    async def read(self, op: Any, transition: Transition) -> Found | None:
        is_gone = transition.id == "gone"
        return None if is_gone else Found(transition.id, {"hidden": "psst"}, {"a": 1})

    async def update(self, op: Any, transition: Transition) -> Any:
        self.given.append((transition.state, transition.old, transition.new))
        if transition.new.get("act") == "half":
            raise InitFailed(transition.id, {"a": 1}, ["not yet"])
        return transition.new

    async def delete(self, op: Any, transition: Transition) -> None:
        self.given.append(transition.state)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
async def engine(toy: Toy) -> Any:
    async with running(Module("test", (toy,), SECTION)) as engine:
        yield engine


async def test_every_check_failure_arrives_on_its_property(engine: Engine) -> None:
    inputs, failures = await engine.check(WHERE, {"act": "bad"})

    assert failures == {"act": "だめです\nit is bad", "more[0]": "二つ目\nsecond"}
    assert inputs["default"] == 1


async def test_a_failure_of_a_list_is_not_said_with_the_list_itself(engine: Engine) -> None:
    given = {"act": "many", "list": [{"protocol": "tcp"}] * 31}

    _, failures = await engine.check(WHERE, given)

    (reason,) = failures.values()
    assert failures.keys() == {""}  # the engine prints the value of a property that is named
    assert reason.startswith("list: 30 個以下 ")
    assert "\nlist: at most 30" in reason
    assert reason.replace("\n", "").isprintable()


async def test_nothing_foreign_steers_the_terminal(engine: Engine) -> None:
    with pytest.raises(Failed) as failed:
        await engine.create(WHERE, {"act": "foreign", "text": EVIL})

    assert failed.value.unfinished is not None
    said = [failed.value.message, *failed.value.unfinished.reasons]
    said += [text for *_, text in engine.log.lines]
    assert [text.count("\n") for text in said] == [1] * 5
    for text in said:
        assert "gone" in text
        assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", [RuntimeError, TimeoutError, partial(KokunaiError, en="why")])
def test_no_failure_steers_the_terminal(kind: Any) -> None:
    error = kind(ja=EVIL) if isinstance(kind, partial) else kind(EVIL)

    said = responses.abort_of(error).message

    assert "gone" in said
    assert said.replace("\n", "").isprintable()


async def test_diff_update_and_delete_get_the_old_inputs(engine: Engine, toy: Toy) -> None:
    state, olds, news = {"a": 1, "made": "x"}, {"a": 1}, {"a": 2}

    await engine.diff(WHERE, "id", state, olds, news)
    await engine.update(WHERE, "id", state, olds, news)
    request = provider_pb2.DeleteRequest(urn=WHERE, id="id", properties=properties.encode(state))
    request.old_inputs.CopyFrom(properties.encode({"b": 3}))
    await engine.stub.Delete(request)

    assert toy.given == [(state, olds, news), (state, olds, news), {**state, "b": 3}]


async def test_a_diff_is_detailed(engine: Engine) -> None:
    diff = await engine.diff(WHERE, "id", {}, {}, {})
    calm = await engine.diff(WHERE, "id", {}, {}, {}, ignore=["status"])

    kinds = {path: (one.kind, one.inputDiff) for path, one in diff.detailedDiff.items()}
    assert kinds == {
        "act": (provider_pb2.PropertyDiff.UPDATE, True),
        "size[0].gib": (provider_pb2.PropertyDiff.ADD_REPLACE, True),
        "status": (provider_pb2.PropertyDiff.DELETE, False),
    }
    assert list(diff.replaces) == ["size"]
    assert list(diff.diffs) == ["act", "size", "status"]
    assert diff.deleteBeforeReplace
    assert diff.hasDetailedDiff
    assert "status" not in calm.detailedDiff


async def test_something_unfinished_keeps_its_id_and_its_secrets(engine: Engine) -> None:
    with pytest.raises(Failed) as failure:
        await engine.create(WHERE, {"act": "half"})

    unfinished = failure.value.unfinished
    assert unfinished is not None
    assert (unfinished.id, list(unfinished.reasons)) == ("id-7", ["一つ目\nfirst", "second"])
    assert SECRET in str(unfinished.properties.fields["hidden"])
    assert len(failure.value.outputs["big"]) == 10_000

    with pytest.raises(Failed) as again:
        await engine.update(WHERE, "id-7", {}, {}, {"act": "half"})
    assert (again.value.id, again.value.outputs) == ("id-7", {"a": 1})


async def test_only_a_bug_shows_its_traceback(engine: Engine, capfd: Any) -> None:
    with pytest.raises(Failed) as fixable:
        await engine.create(WHERE, {"act": "user"})
    with pytest.raises(Failed) as bug:
        await engine.create(WHERE, {"act": "bug"})

    assert fixable.value.message == "直せます\nyou can fix it"
    assert "RuntimeError: oops" in bug.value.message
    assert "Traceback" in bug.value.message
    assert "Traceback" not in capfd.readouterr().err


async def test_an_unknown_kind_is_said_without_a_traceback(engine: Engine) -> None:
    with pytest.raises(Failed) as refusal:
        await engine.create(urn("kokunai:test:Other", "x"), {})

    assert refusal.value.code is grpc.StatusCode.NOT_FOUND
    assert TOY in refusal.value.message


async def test_calls_that_are_not_offered_are_quiet(engine: Engine, capfd: Any) -> None:
    requests = {
        "Handshake": provider_pb2.ProviderHandshakeRequest(),
        "Invoke": provider_pb2.InvokeRequest(),
        "GetMapping": provider_pb2.GetMappingRequest(),
        "Parameterize": provider_pb2.ParameterizeRequest(),
    }
    for name, request in requests.items():
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await getattr(engine.stub, name)(request)
        assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED

    assert "Traceback" not in capfd.readouterr().err


async def test_secrets_stay_secret_on_the_wire(engine: Engine) -> None:
    inputs = {"act": "go", "token": {"deep": "s3cret"}}

    checked = await engine.raw_check(WHERE, inputs, ["token"])
    created = await engine.raw_create(WHERE, inputs, secrets=["token"])
    request = provider_pb2.ReadRequest(urn=WHERE, id="id")
    read = await engine.stub.Read(request)

    assert SECRET in str(checked.inputs.fields["token"])
    assert SECRET in str(created.properties.fields["token"])
    assert SECRET in str(created.properties.fields["hidden"])
    assert SECRET in str(read.inputs.fields["hidden"])
    assert SECRET not in str(created.properties.fields["act"])


async def test_a_secret_that_is_repeated_to_us_is_in_no_line_reason_or_error(
    engine: Engine,
) -> None:
    words = ["correct horse", "bätt\tery\nstaple", "the-token-secret"]
    inputs = {"hidden": words[0], "token": {"deep": words[1]}}
    await engine.configure({"sakuraAccessTokenSecret": words[2]})

    with pytest.raises(Failed) as echo:
        await engine.raw_create(WHERE, {"act": "echo", **inputs}, secrets=["token"])
    with pytest.raises(Failed) as bug:
        await engine.raw_create(WHERE, {"act": "echo bug", **inputs}, secrets=["token"])

    assert echo.value.unfinished is not None
    assert list(echo.value.unfinished.reasons) == ["refused '[secret]'"]
    assert "'sakuraAccessTokenSecret': '[secret]'" in bug.value.message
    said = [echo.value.message, bug.value.message, *(text for *_, text in engine.log.lines)]
    assert len(said) == 4
    assert not [text for text in said for word in words if word in text]


async def test_a_secret_inside_a_list_hides_the_whole_property(engine: Engine) -> None:
    struct = properties.encode({"act": "go", "list": ["plain"]})
    inner = struct.fields["list"].list_value.values.add().struct_value
    inner.fields["4dabf18193072939515e22adb298388d"].string_value = SECRET
    inner.fields["value"].string_value = "s3cret"

    decoded = properties.decode(struct)
    created = await engine.stub.Create(provider_pb2.CreateRequest(urn=WHERE, properties=struct))

    assert decoded.props["list"] == ["plain", "s3cret"]
    assert decoded.secrets == {"list"}
    assert "s3cret" not in str(created.properties.fields["act"])
    assert SECRET in str(created.properties.fields["list"])


async def test_unknowns_go_both_ways_and_outputs_are_unknown_in_a_preview(engine: Engine) -> None:
    inputs, _ = await engine.check(WHERE, {"act": UNKNOWN, "list": [UNKNOWN, 1]})

    id_, outputs = await engine.create(WHERE, {"act": UNKNOWN}, preview=True)

    assert inputs["act"] is UNKNOWN
    assert inputs["list"] == [UNKNOWN, 1]
    assert (id_, outputs) == ("", {"act": UNKNOWN, "made": UNKNOWN})


async def test_a_preview_says_that_a_server_will_be_powered_off(engine: Engine) -> None:
    await engine.update(WHERE, "id", {}, {}, {}, preview=True)

    assert "この変更では toy の電源を切り、入れ直します（status）: 電源。" in engine.log.said()
    assert "power off toy and boot it again (status): power." in engine.log.said()


async def test_something_gone_has_no_id(engine: Engine) -> None:
    assert await engine.read(WHERE, "gone") == ("", {}, {})


async def test_an_operation_knows_its_name_and_its_time(engine: Engine) -> None:
    _, seen = await engine.create(WHERE, {"act": "name"}, timeout=90)

    assert (seen["name"], seen["stack"], seen["project"]) == ("toy", "dev", "tests")
    assert seen["digest"].startswith("kokunai-")
    assert len(seen["digest"]) == 24
    assert 80 < seen["left"] <= 90


async def test_lines_reach_the_engine_while_an_operation_waits(engine: Engine) -> None:
    creating = asyncio.create_task(engine.create(WHERE, {"act": "wait"}))
    async with asyncio.timeout(5):
        while len(engine.log.lines) < 3:  # noqa: ASYNC110 - the log belongs to another server
            await asyncio.sleep(0.01)
    await engine.cancel()

    with pytest.raises(Failed) as failure:
        await creating

    assert failure.value.code is grpc.StatusCode.CANCELLED
    assert [(passing, text) for _, passing, text in engine.log.lines] == [
        (False, "a line"),
        (True, "a passing line"),
        (False, "a warning"),
    ]


async def test_four_operations_wait_side_by_side(engine: Engine) -> None:
    waiting = [
        asyncio.create_task(engine.create(WHERE, {"act": "wait"}, timeout=0.3)) for _ in "1234"
    ]

    done, late = await asyncio.wait(waiting, timeout=1.0)

    assert not late
    assert all("customTimeouts" in str(one.exception()) for one in done)


async def test_the_schema_is_json_with_every_kind(engine: Engine) -> None:
    answer = await engine.stub.GetSchema(provider_pb2.GetSchemaRequest())
    schema = json.loads(answer.schema)

    assert (schema["name"], schema["version"]) == ("kokunai", "0.1.0")
    assert TOY in schema["resources"]
    assert schema["config"]["variables"]["sakuraAccessTokenSecret"]["secret"]
    assert (await engine.stub.GetPluginInfo(Empty())).version == "0.1.0"


async def test_the_configuration_is_checked_compared_and_kept_secret(engine: Engine) -> None:
    news = {"sakuraAccessTokenSecret": "s", "sakuraCallsPerSecond": "many", "colour": "red"}
    request = provider_pb2.CheckRequest(urn=WHERE, news=properties.encode(news))
    checked = await engine.stub.CheckConfig(request)
    diff = await engine.stub.DiffConfig(
        provider_pb2.DiffRequest(olds=properties.encode({"a": 1}), news=properties.encode({"a": 2}))
    )
    configured = await engine.configure({"sakuraCallsPerSecond": 5})

    assert [one.property for one in checked.failures] == ["colour", "sakuraCallsPerSecond"]
    assert SECRET in str(checked.inputs.fields["sakuraAccessTokenSecret"])
    assert diff.detailedDiff["a"].kind == provider_pb2.PropertyDiff.UPDATE
    assert not diff.replaces
    assert configured.acceptSecrets
    assert configured.supportsPreview
