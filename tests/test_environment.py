"""What the components declare, seen with Pulumi's own mocks: names, parents and known inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from kokunai import model
from kokunai.capacity import sakura_iaas
from kokunai.environment import Environment
from kokunai.errors import KokunaiError
from support.example_stack import VALUES
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root"]
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nstaple-of-a-private-key\n"


def _spec(**changes: Any) -> model.Environment:
    return model.Environment.model_validate({**VALUES, **changes})


def _declared(recorder: Recorder, spec: model.Environment, root: Path) -> Recorder:
    return declared(recorder, lambda: Environment(spec, root=root, secrets={}))


def test_every_node_is_one_server_with_both_interfaces(recorder: Recorder, root: Path):
    seen = _declared(recorder, _spec(), root).seen

    server = seen["kokunai:sakura:Server", "train-1"]
    assert server["hostName"] == "demo-train-1"
    assert [one["switchId"] for one in server["nics"]] == ["shared", "is1a/cluster"]
    assert server["nics"][1]["address"] == "192.168.10.12"
    assert server["plan"]["gpuModel"] == "nvidia_h100_80gbvram"


def test_a_pool_may_be_asked_for_by_its_gpus(recorder: Recorder, root: Path):
    asked = {key: value for key, value in VALUES["pools"][0].items() if key != "node_count"}

    seen = _declared(recorder, _spec(pools=[{**asked, "gpus": 3}]), root).seen

    assert [name for kind, name in seen if kind.endswith(":Server")] == [
        "train-0",
        "train-1",
        "train-2",
    ]


def test_a_node_is_told_its_rack_and_the_addresses_in_it_alone(
    recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    hosts = sakura_iaas.DOOR.hosts

    def in_racks(pool: Any, settings: Any) -> list[Any]:
        racks = ("a", "a", "b", None)
        made = zip(hosts(pool, settings), racks, strict=True)
        return [replace(host, domain=rack) for host, rack in made]

    monkeypatch.setattr(sakura_iaas.DOOR, "hosts", in_racks)
    spec = _spec(pools=[{**VALUES["pools"][0], "node_count": 4}])
    outputs: dict[str, Any] = {}

    def program() -> None:
        Environment(spec, root=root, secrets={}).nodes["train"].apply(outputs.update)

    seen = declared(recorder, program).seen

    told = seen["kokunai:ansible:Configuration", "train"]["hosts"]
    both = ["192.168.10.11", "192.168.10.12"]
    assert [host["variables"].get("imex_nodes") for host in told] == [
        both,
        both,
        ["192.168.10.13"],
        None,
    ]
    assert [row.get("domain") for row in outputs.values()] == ["a", "a", "b", None]


def test_every_resource_carries_site_and_labels(recorder: Recorder, root: Path):
    seen = _declared(recorder, _spec(), root).seen

    kinds = [props for (kind, _), props in seen.items() if ":index:" not in kind]
    real = [props for props in kinds if "sakuraApiRootUrl" not in props]
    assert len(real) == 7
    assert all(one["site"] == "sakura-ishikari" for one in real)
    assert all(one["labels"]["data-class"] == "internal" for one in real)


def test_the_configuration_never_holds_the_key_itself(recorder: Recorder, root: Path):
    (root / "id").write_text(PRIVATE_KEY)

    seen = _declared(recorder, _spec(), root).seen

    props = seen["kokunai:ansible:Configuration", "train"]
    assert props["privateKeyFile"] == "id"
    assert len(props["keyId"]) == 12
    assert len([inputs for inputs in seen.values() if "labels" in inputs]) == 7
    assert "staple-of-a-private-key" not in repr(seen)


def test_the_constructor_refuses_before_anything_is_declared(recorder: Recorder, root: Path):
    spec = _spec(hosts={"ntp_servers": ["time.google.com"]})

    with pytest.raises(KokunaiError, match="KN-NTP-01"):
        Environment(spec, root=root, secrets={})

    assert recorder.seen == {}


def test_the_constructor_refuses_a_state_abroad(
    recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")

    with pytest.raises(KokunaiError, match="KN-STA-01"):
        Environment(_spec(), root=root, secrets={})

    assert recorder.seen == {}


def test_a_missing_key_is_answered_with_how_to_make_one(recorder: Recorder, tmp_path: Path):
    with pytest.raises(KokunaiError, match="ssh-keygen"):
        Environment(_spec(), root=tmp_path, secrets={})


@pytest.mark.parametrize("name", ["/", "binary", "folder"])
def test_a_key_file_that_is_none_is_answered_with_how_to_make_one(
    recorder: Recorder, tmp_path: Path, name: str
):
    (tmp_path / "binary").touch()
    (tmp_path / "binary.pub").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.pub").write_text("ssh-ed25519 AAAA demo\n")
    access = {"private_key_file": name, "ssh_from": ["198.18.0.0/15"]}

    with pytest.raises(KokunaiError, match="ssh-keygen"):
        Environment(_spec(access=access), root=tmp_path, secrets={})


def test_every_package_source_names_the_keyring_it_is_signed_with(recorder: Recorder, root: Path):
    source = {"uri": "http://ftp.jp.debian.org/debian", "suites": ["bookworm"]}
    spec = _spec(hosts={"package_sources": [source]})

    seen = _declared(recorder, spec, root).seen

    [given] = seen["kokunai:ansible:Configuration", "train"]["variables"]["base_package_sources"]
    assert given["signed_by"] == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_a_stack_of_the_lab_never_calls_the_real_operator(
    recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SAKURA_API_ROOT_URL")

    with pytest.raises(KokunaiError, match="KN-OPR-01"):
        Environment(_spec(), root=root, secrets={})


def test_an_empty_variable_does_not_hide_the_endpoint_that_the_plugin_will_call(
    recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SAKURA_API_ROOT_URL", "")
    monkeypatch.setenv("SAKURACLOUD_API_ROOT_URL", "https://evil.example/")

    with pytest.raises(KokunaiError, match=r"evil\.example"):
        Environment(_spec(), root=root, secrets={})


def _configured(text: str, *, secret: bool = False) -> None:
    key = "kokunai:environment"
    pulumi.runtime.set_all_config({key: text}, [key] if secret else [])


def test_a_secret_environment_is_refused_without_showing_it(recorder: Recorder):
    _configured('{"name": "hunter2"}', secret=True)

    with pytest.raises(pulumi.RunError, match="must hold no secret") as refusal:
        Environment.from_config()

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name": ' + "9" * 5000 + "}", "hello"])
def test_a_value_that_is_no_object_is_one_refusal(recorder: Recorder, text: str):
    _configured(text)

    with pytest.raises(pulumi.RunError, match="must be a mapping"):
        Environment.from_config()


def test_a_finding_names_the_stack_files_own_path_once_for_all_pools(
    recorder: Recorder, root: Path
):
    [pool] = _spec().model_dump()["pools"]
    spec = _spec(
        hosts={"ntp_servers": ["time.google.com"]},
        pools=[pool, {**pool, "name": "serve", "first_host": 30}],
    )

    with pytest.raises(KokunaiError) as refused:
        Environment(spec, root=root, secrets={})

    assert "1 件" in refused.value.ja
    assert "KN-NTP-01 (低 / low) hosts.ntp_servers[0]" in str(refused.value)


def test_a_number_that_only_the_engine_reads_is_refused_at_up_as_by_check(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    file = tmp_path / f"Pulumi.{pulumi.get_stack()}.yaml"
    file.write_text("config:\n  kokunai:environment:\n    pools: [{node_count: 08}]\n")
    monkeypatch.setattr(pulumi.runtime, "get_root_directory", lambda: str(tmp_path))
    _configured('{"pools": [{"node_count": 8}]}')

    with pytest.raises(pulumi.RunError, match=r"pools\[0\]\.node_count: .*plain decimal"):
        Environment.from_config()


def test_the_nodes_filter_opens_what_the_stack_file_opens(recorder: Recorder, root: Path):
    access = {
        **VALUES["access"],
        "open_ports": [
            {"port": 443, "allow_from": ["0.0.0.0/0"]},
            {"port": 8000, "last_port": 8010, "protocol": "udp", "allow_from": ["10.1.0.0/16"]},
        ],
    }

    seen = _declared(recorder, _spec(access=access), root).seen

    given = seen["kokunai:ansible:Configuration", "train"]["variables"]
    assert given["firewall_enabled"] is given["verify_firewall"] is True
    assert given["firewall_ssh_from"] == VALUES["access"]["ssh_from"]
    assert given["firewall_private_networks"] == ["192.168.10.0/24"]
    assert [(row["protocol"], row["ports"]) for row in given["firewall_open_ports"]] == [
        ("tcp", "443"),
        ("udp", "8000-8010"),
    ]


def test_the_nodes_filter_is_switched_off_by_the_stack_file(recorder: Recorder, root: Path):
    seen = _declared(recorder, _spec(hosts={"firewall": False}), root).seen

    given = seen["kokunai:ansible:Configuration", "train"]["variables"]
    assert given["firewall_enabled"] is given["verify_firewall"] is False
