"""The shop window: components by keyword, checked and judged as a stack file is."""

from __future__ import annotations

import asyncio
import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import kokunai
from kokunai import declarations, stack_file
from kokunai.errors import KokunaiError
from kokunai.parts import Hidden, Link
from support.deliveries import hand_over
from support.pulumi_mocks import ANSWERS, Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root"]
STACKS = sorted((Path(__file__).parents[1] / "stacks").glob("Pulumi.*.yaml"))
ACCESS = {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]}
SITE = "sakura-ishikari"
LABELS = {"data-class", "environment", "offer", "operator", "seller", "site", "simulated"}


def settings(root: Path, **changes: Any) -> kokunai.StackSettings:
    given = {"name": "demo", "data_class": "internal", "lab": True, "access": ACCESS, "root": root}
    return kokunai.StackSettings(**{**given, **changes})


def network(ours: kokunai.StackSettings, **changes: Any) -> kokunai.ClusterNetwork:
    given = {"site": SITE, "cidr": "192.168.10.0/24", "settings": ours}
    return kokunai.ClusterNetwork("cluster", **{**given, **changes})


def pool(**changes: Any) -> kokunai.GpuNodePool:
    return kokunai.GpuNodePool("train", **{"site": SITE, "gpu": "h100", "node_count": 2, **changes})


def test_a_program_declares_what_a_stack_file_would(recorder: Recorder, root: Path):
    def program() -> None:
        joined = network(settings(root))
        data = kokunai.SharedStorage("data", network=joined, size_gib=100, mount="/mnt/data")
        nodes = pool(network=joined, storage=[data])
        kokunai.NodeConfiguration("train", pool=nodes)

    seen = declared(recorder, program).seen

    server = seen["kokunai:sakura:Server", "train-1"]
    assert [nic["switchId"] for nic in server["nics"]] == ["shared", "is1a/cluster"]
    assert server["sshKeyIds"] == ["is1a/demo"]
    variables = seen["kokunai:ansible:Configuration", "train"]["variables"]
    assert "/mnt/data" in json.dumps(variables)
    assert len([name for kind, name in seen if kind == "kokunai:sakura:Server"]) == 2


def test_pools_of_one_stack_share_key_and_filter(recorder: Recorder, root: Path):
    def program() -> None:
        ours = settings(root)
        pool(settings=ours)
        kokunai.GpuNodePool("infer", site=SITE, gpu="v100", node_count=1, settings=ours)

    seen = declared(recorder, program).seen

    kinds = [kind for kind, _ in seen]
    assert kinds.count("kokunai:sakura:SshKey") == 1
    assert kinds.count("kokunai:sakura:PacketFilter") == 1
    assert kinds.count("pulumi:providers:kokunai") == 1


def test_every_resource_says_who_sells_and_who_runs_it(recorder: Recorder, root: Path):
    def program() -> None:
        joined = network(settings(root))
        kokunai.SharedStorage("data", network=joined, size_gib=100, mount="/mnt/data")
        kokunai.NodeConfiguration("train", pool=pool(network=joined))

    seen = declared(recorder, program).seen

    real = {key: props for key, props in seen.items() if "labels" in props}
    assert {kind.rpartition(":")[2] for kind, _ in real} == {
        "Configuration",
        "DataHolders",
        "Nfs",
        "PacketFilter",
        "Server",
        "SshKey",
        "Switch",
    }
    assert all(props["labels"].keys() >= LABELS for props in real.values())
    server = real["kokunai:sakura:Server", "train-0"]["labels"]
    assert (server["offer"], server["seller"]) == ("sakura-vrt-h100", "sakura")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gpu": "h300"}, 'GpuNodePool("train").gpu: sakura-ishikari does not sell GPU h300'),
        ({"node_count": -1}, 'GpuNodePool("train").node_count: must be at least 0'),
        ({"offer": "cheap"}, 'GpuNodePool("train").offer: sakura-ishikari has no offer cheap'),
        ({"image": "windows-11"}, 'GpuNodePool("train").image: image windows-11'),
        ({"first_host": 300}, 'GpuNodePool("train").first_host: host number 301 does not fit'),
        ({"site": "moon"}, 'GpuNodePool("train").site: site moon is not known'),
    ],
)
def test_a_mistake_in_an_argument_is_told_as_in_a_stack_file(
    recorder: Recorder, root: Path, changes: dict[str, Any], said: str
):
    def program() -> None:
        pool(network=network(settings(root)), **changes)

    with pytest.raises(kokunai.KokunaiError) as refusal:
        declared(recorder, program)

    assert said in refusal.value.en
    assert isinstance(refusal.value, pulumi.RunError)
    assert not [kind for kind, _ in recorder.seen if kind.endswith("Server")]


def test_a_pool_of_another_zone_than_its_network_is_refused(recorder: Recorder, root: Path):
    def program() -> None:
        pool(network=network(settings(root), zone="is1b"))

    with pytest.raises(kokunai.KokunaiError, match="stands in zone is1b"):
        declared(recorder, program)


def test_two_pools_must_not_share_host_numbers(recorder: Recorder, root: Path):
    def program() -> None:
        joined = network(settings(root))
        pool(network=joined)
        kokunai.GpuNodePool(
            "infer", site=SITE, gpu="v100", node_count=1, first_host=12, network=joined
        )

    with pytest.raises(kokunai.KokunaiError, match=r'GpuNodePool\("infer"\).first_host'):
        declared(recorder, program)


def test_a_component_is_refused_by_the_rules_before_it_is_declared(recorder: Recorder, root: Path):
    def program() -> None:
        pool_settings = settings(root, hosts={"ntp_servers": ["time.google.com"]})
        kokunai.NodeConfiguration("train", pool=pool(settings=pool_settings))

    with pytest.raises(kokunai.KokunaiError, match="KN-NTP-01") as refused:
        declared(recorder, program)

    assert "KN-NTP-01 (低 / low) hosts.ntp_servers[0]" in str(refused.value)
    assert ("kokunai:ansible:Configuration", "train") not in recorder.seen


def test_a_pool_must_not_take_the_address_of_an_earlier_share(recorder: Recorder, root: Path):
    def program() -> None:
        joined = network(settings(root))
        data = kokunai.SharedStorage("data", network=joined, size_gib=100, mount="/d", host=12)
        pool(network=joined, storage=[data])

    with pytest.raises(kokunai.KokunaiError) as refusal:
        declared(recorder, program)

    assert 'SharedStorage("data").host: host numbers overlap those of GpuNodePool("train")' in (
        refusal.value.en
    )


def test_another_provider_of_this_package_is_refused_and_one_of_another_is_kept(
    recorder: Recorder, root: Path
):
    other = pulumi.ResourceOptions(provider=kokunai_provider("elsewhere"))

    def refused() -> None:
        network(settings(root), opts=other)

    with pytest.raises(kokunai.KokunaiError, match="cannot be given in opts"):
        declared(recorder, refused)


def kokunai_provider(name: str) -> pulumi.ProviderResource:
    from kokunai import resources

    return resources.Provider(name, {"sakuraApiRootUrl": "https://evil.example/"})


def test_a_provider_of_another_package_leaves_the_stacks_own_in_place(
    recorder: Recorder, root: Path
):
    def program() -> None:
        class Aws(pulumi.ProviderResource):
            def __init__(self) -> None:
                super().__init__("aws", "tokyo", {"region": "ap-northeast-1"})

        network(settings(root), opts=pulumi.ResourceOptions(providers=[Aws()]))

    seen = declared(recorder, program).seen

    assert ("pulumi:providers:kokunai", "demo") in seen
    assert "demo" in recorder.providers["kokunai:sakura:Switch", "cluster"]


def test_two_settings_in_one_program_have_filters_of_their_own(recorder: Recorder, root: Path):
    def program() -> None:
        pool(settings=settings(root))
        kokunai.GpuNodePool(
            "infer", site=SITE, gpu="v100", node_count=1, settings=settings(root, name="other")
        )

    seen = declared(recorder, program).seen

    filters = [name for kind, name in seen if kind == "kokunai:sakura:PacketFilter"]
    assert sorted(filters) == ["demo-is1a", "other-is1a"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"network": "cluster"},
            'GpuNodePool("train").network: must be a ClusterNetwork (got str)',
        ),
        ({"storage": "data"}, 'GpuNodePool("train").storage[0]: must be a SharedStorage (got str)'),
    ],
)
def test_an_argument_of_the_wrong_kind_is_one_message(
    recorder: Recorder, root: Path, arguments: dict[str, Any], said: str
):
    with pytest.raises(kokunai.KokunaiError) as refusal:
        declared(recorder, lambda: pool(**{"settings": settings(root), **arguments}))

    assert said in refusal.value.en


def test_an_output_is_refused_where_a_value_must_be_known(recorder: Recorder, root: Path):
    def program() -> None:
        pool(settings=settings(root), site=pulumi.Output.from_input(SITE))

    with pytest.raises(kokunai.KokunaiError, match=r"\.site: must be known at preview"):
        declared(recorder, program)


def test_a_refused_component_leaves_its_name_free(recorder: Recorder, root: Path):
    def program() -> None:
        ours = settings(root)
        with pytest.raises(kokunai.KokunaiError):
            pool(settings=ours, gpu="h300")
        pool(settings=ours)

    assert ("kokunai:sakura:Server", "train-0") in declared(recorder, program).seen


def test_a_network_of_other_settings_is_refused(recorder: Recorder, root: Path):
    def program() -> None:
        pool(network=network(settings(root)), settings=settings(root, name="other"))

    with pytest.raises(kokunai.KokunaiError, match="was made with other settings"):
        declared(recorder, program)


def test_a_misspelt_secret_is_refused_with_the_known_keys(root: Path):
    with pytest.raises(kokunai.KokunaiError, match="sakuraAcessToken is not a known key"):
        settings(root, secrets={"sakuraAcessToken": "x"})


def test_settings_are_refused_as_pulumi_shows_it(root: Path):
    with pytest.raises(pulumi.RunError, match="data_class"):
        settings(root, data_class="secret")


def test_a_preview_needs_the_public_half_of_the_key_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    (root / "id").unlink()

    with pytest.raises(kokunai.KokunaiError, match="private key id is missing"):
        settings(root)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert settings(root).key.public_key == "ssh-ed25519 AAAA demo"


@pytest.mark.parametrize("given", ["nothing", "the environment", "secrets", "a preview"])
def test_without_the_sellers_key_nothing_is_made_and_it_is_said_once(
    recorder: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch, given: str
):
    keys = {"sakuraAccessToken": "SAKURA_ACCESS_TOKEN", "sakuraAccessTokenSecret": "SAKURA_X"}
    for name in ("SAKURA_ACCESS_TOKEN", "SAKURA_ACCESS_TOKEN_SECRET"):
        monkeypatch.delenv(name)
        if given == "the environment":
            monkeypatch.setenv(name.replace("SAKURA_", "SAKURACLOUD_"), "x")
    if given == "a preview":
        pulumi.runtime.set_mocks(recorder, preview=True)
        (root / "id").unlink()  # a preview does without the private half
    secrets = {key: pulumi.Output.secret("x") for key in keys} if given == "secrets" else None
    refusals = []

    def program() -> None:
        try:
            network(settings(root, secrets=secrets))
        except kokunai.KokunaiError as refusal:
            refusals.append(refusal.en)

    seen = declared(recorder, program).seen

    assert bool(seen) is (given != "nothing")
    assert len(refusals) == (given == "nothing")
    if refusals:
        assert "SAKURA_ACCESS_TOKEN (kokunai:sakuraAccessToken)" in refusals[0]
        assert "SAKURA_ACCESS_TOKEN_SECRET" in refusals[0]


def test_settings_tell_every_mistake_at_once(root: Path):
    with pytest.raises(kokunai.KokunaiError) as refusal:
        kokunai.StackSettings(name="Bad Name", data_class="secret", access={}, root=root)

    for place in ("name", "data_class", "access.private_key_file", "access.ssh_from"):
        assert f"StackSettings.{place}: " in refusal.value.ja


def test_settings_come_from_the_stack_file_once(recorder: Recorder, root: Path):
    written = {"name": "demo", "data_class": "internal", "lab": True, "access": ACCESS}
    written["access"] = {**ACCESS, "private_key_file": str(root / "id")}
    pulumi.runtime.set_all_config({"kokunai:settings": json.dumps(written)}, [])

    def program() -> None:
        pool()
        kokunai.GpuNodePool("infer", site=SITE, gpu="v100", node_count=1)

    seen = declared(recorder, program).seen

    assert ("kokunai:sakura:Server", "infer-0") in seen
    assert [kind for kind, _ in seen].count("kokunai:sakura:SshKey") == 1


# What is judged is what is declared


def _as_declared(value: Any, seen: dict[tuple[str, str], dict[str, Any]]) -> Any:
    """A judged value with every link replaced by what the mocks answer for its part."""
    if isinstance(value, Link):
        assert (value.pulumi_type, value.name) in seen, value
        answers = {"id": f"is1a/{value.name}", **ANSWERS}
        if value.output in answers:
            return answers[value.output]
        # The mocks give an input back as the output of the same name.
        return _as_declared(seen[value.pulumi_type, value.name][value.output], seen)
    if isinstance(value, dict):
        return {key: _as_declared(item, seen) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_declared(item, seen) for item in value]
    assert not isinstance(value, Hidden)
    return value


def _judged_as_declared(stack: declarations.Declarations, recorder: Recorder) -> bool:
    """Whether every judged part is what the mocks were asked for, and nothing else was."""
    seen = recorder.seen
    real = {
        key: props
        for key, props in seen.items()
        if key[0].startswith("kokunai:")
        and (key[0] == "kokunai:index:Owner" or not key[0].startswith("kokunai:index:"))
    }
    judged = {key: _as_declared(dict(part.props), seen) for key, part in stack.judged.items()}
    assert judged == real
    return bool(real)


def test_what_the_rules_judge_of_a_program_is_what_is_declared(recorder: Recorder, root: Path):
    folder = Path(__file__).parents[1] / "examples/own_program"
    [written] = yaml.safe_load((folder / "Pulumi.lab.yaml").read_text())["config"].values()
    written["access"]["private_key_file"] = str(root / "id")
    pulumi.runtime.set_all_config({"kokunai:settings": json.dumps(written)}, [])
    found = []

    def program() -> None:
        runpy.run_path(str(folder / "__main__.py"), run_name="__main__")
        found.append(declarations.of(kokunai.StackSettings.from_config()))

    declared(recorder, program)

    assert _judged_as_declared(found[0], recorder)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_what_the_rules_judge_is_what_is_declared(recorder: Recorder, root: Path, path: Path):
    raw = yaml.safe_load(path.read_text())["config"]["kokunai:environment"]
    spec = stack_file.read({**raw, "access": {**raw["access"], **ACCESS}, "lab": True})
    hand_over(raw["name"], root)
    found = []

    def program() -> None:
        found.append(declarations.of(kokunai.Environment(spec, root=root).settings))

    declared(recorder, program)

    assert _judged_as_declared(found[0], recorder)


def test_a_component_after_the_first_await_is_refused_by_name(recorder: Recorder, root: Path):
    async def program() -> None:
        kokunai.ClusterNetwork("one", site=SITE, cidr="10.1.0.0/24", settings=shared)
        await asyncio.sleep(0)
        kokunai.ClusterNetwork("two", site=SITE, cidr="10.2.0.0/24", settings=shared)

    shared = settings(root)

    with pytest.raises(pulumi.RunError, match="before its first await"):
        asyncio.get_event_loop().run_until_complete(program())


def test_a_component_declared_in_an_apply_is_refused_by_name(recorder: Recorder, root: Path):
    shared = settings(root)

    def program() -> None:
        first = kokunai.ClusterNetwork("one", site=SITE, cidr="10.1.0.0/24", settings=shared)
        first.network_id.apply(
            lambda _: kokunai.ClusterNetwork("two", site=SITE, cidr="10.2.0.0/24", settings=shared)
        )

    with pytest.raises(KokunaiError, match=r"inside Output\.apply"):
        declared(recorder, program)


def test_a_part_that_nobody_judged_is_never_declared(recorder: Recorder, root: Path):
    from kokunai.parts import Part

    stack = declarations.of(settings(root))

    with pytest.raises(AssertionError, match="not judged"):
        stack.declare([Part("kokunai:sakura:Switch", "x", {})], pulumi.ResourceOptions())
