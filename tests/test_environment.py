"""What the components declare, seen with Pulumi's own mocks: names, parents and known inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from kokunai import model
from kokunai.environment import Environment, from_config
from kokunai.errors import KokunaiError


class _Recorder(pulumi.runtime.Mocks):
    """Remembers every resource; ids are the names."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        assert (args.typ, args.name) not in self.seen
        self.seen[args.typ, args.name] = args.inputs
        return f"is1a/{args.name}", {**args.inputs, "address": "198.18.0.11", "serverId": "1"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(args.token)


def _spec(**changes: Any) -> model.Environment:
    values: dict[str, Any] = {
        "name": "demo",
        "data_class": "internal",
        "lab": True,
        "access": {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
        "networks": [{"name": "cluster", "site": "sakura-ishikari", "cidr": "192.168.10.0/24"}],
        "pools": [
            {
                "name": "train",
                "site": "sakura-ishikari",
                "gpu": "h100",
                "node_count": 2,
                "network": "cluster",
            }
        ],
    }
    return model.Environment.model_validate({**values, **changes})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA demo\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pulumi's mocks run on the current event loop and leave one in each of their threads."""
    made: list[asyncio.AbstractEventLoop] = []
    new_event_loop = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        made.append(new_event_loop())
        return made[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", remembered)
    asyncio.set_event_loop(remembered())
    yield
    asyncio.set_event_loop(None)
    for loop in made:
        _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """A test that is refused never runs what the mocks have begun."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def all_ended() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(all_ended())
    loop.close()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> _Recorder:
    monkeypatch.setenv("SAKURA_API_ROOT_URL", "http://127.0.0.1:1/cloud/zone")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///state")
    mocks = _Recorder()
    pulumi.runtime.set_mocks(mocks, preview=False)
    return mocks


def _declared(recorder: _Recorder, spec: model.Environment, root: Path) -> _Recorder:
    """Build the environment and wait until everything it declares is registered."""

    @pulumi.runtime.test
    def build() -> None:
        Environment(spec, root=root, secrets={})

    build()
    return recorder


def test_every_node_is_one_server_with_both_interfaces(recorder: _Recorder, root: Path):
    seen = _declared(recorder, _spec(), root).seen

    server = seen["kokunai:sakura:Server", "train-1"]
    assert server["hostName"] == "demo-train-1"
    assert [one["switchId"] for one in server["nics"]] == ["shared", "is1a/cluster"]
    assert server["nics"][1]["address"] == "192.168.10.12"
    assert server["plan"]["gpuModel"] == "nvidia_h100_80gbvram"


def test_every_resource_carries_site_and_labels(recorder: _Recorder, root: Path):
    seen = _declared(recorder, _spec(), root).seen

    kinds = [props for (kind, _), props in seen.items() if ":index:" not in kind]
    real = [props for props in kinds if "sakuraApiRootUrl" not in props]
    assert len(real) == 6
    assert all(one["site"] == "sakura-ishikari" for one in real)
    assert all(one["labels"]["data-class"] == "internal" for one in real)


def test_the_configuration_never_holds_the_key_itself(recorder: _Recorder, root: Path):
    seen = _declared(recorder, _spec(), root).seen

    props = seen["kokunai:ansible:Configuration", "train"]
    assert props["privateKeyFile"] == "id"
    assert "private" not in str(props["hosts"])
    assert len(props["keyId"]) == 12


def test_the_constructor_refuses_before_anything_is_declared(recorder: _Recorder, root: Path):
    spec = _spec(hosts={"ntp_servers": ["time.google.com"]})

    with pytest.raises(KokunaiError, match="KN-NTP-01"):
        Environment(spec, root=root, secrets={})

    assert recorder.seen == {}


def test_the_constructor_refuses_a_state_abroad(
    recorder: _Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")

    with pytest.raises(KokunaiError, match="KN-STA-01"):
        Environment(_spec(), root=root, secrets={})

    assert recorder.seen == {}


def test_a_missing_key_is_answered_with_how_to_make_one(recorder: _Recorder, tmp_path: Path):
    with pytest.raises(KokunaiError, match="ssh-keygen"):
        Environment(_spec(), root=tmp_path, secrets={})


@pytest.mark.parametrize("name", ["/", "binary", "folder", "a\0b"])
def test_a_key_file_that_is_none_is_answered_with_how_to_make_one(
    recorder: _Recorder, tmp_path: Path, name: str
):
    (tmp_path / "binary").touch()
    (tmp_path / "binary.pub").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.pub").write_text("ssh-ed25519 AAAA demo\n")
    access = {"private_key_file": name, "ssh_from": ["198.18.0.0/15"]}

    with pytest.raises(KokunaiError, match="ssh-keygen"):
        Environment(_spec(access=access), root=tmp_path, secrets={})


def test_every_package_source_names_the_keyring_it_is_signed_with(recorder: _Recorder, root: Path):
    source = {"uri": "http://ftp.jp.debian.org/debian", "suites": ["bookworm"]}
    spec = _spec(hosts={"package_sources": [source]})

    seen = _declared(recorder, spec, root).seen

    [given] = seen["kokunai:ansible:Configuration", "train"]["variables"]["base_package_sources"]
    assert given["signed_by"] == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_a_stack_of_the_lab_never_calls_the_real_operator(
    recorder: _Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SAKURA_API_ROOT_URL")

    with pytest.raises(KokunaiError, match="KN-OPR-01"):
        Environment(_spec(), root=root, secrets={})


def test_an_empty_variable_does_not_hide_the_endpoint_that_the_plugin_will_call(
    recorder: _Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SAKURA_API_ROOT_URL", "")
    monkeypatch.setenv("SAKURACLOUD_API_ROOT_URL", "https://evil.example/")

    with pytest.raises(KokunaiError, match=r"evil\.example"):
        Environment(_spec(), root=root, secrets={})


def _configured(text: str, *, secret: bool = False) -> None:
    key = "kokunai:environment"
    pulumi.runtime.set_all_config({key: text}, [key] if secret else [])


def test_a_secret_environment_is_refused_without_showing_it(recorder: _Recorder):
    _configured('{"name": "hunter2"}', secret=True)

    with pytest.raises(pulumi.RunError, match="must hold no secret") as refusal:
        from_config()

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name": ' + "9" * 5000 + "}", "hello"])
def test_a_value_that_is_no_object_is_one_refusal(recorder: _Recorder, text: str):
    _configured(text)

    with pytest.raises(pulumi.RunError, match="must be a mapping"):
        from_config()
