"""`kokunai clean` removes what is the lab's, and refuses while something real is in the state."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kokunai.cli import clean, local, stacks, state_files
from kokunai.errors import KokunaiError
from kokunai.lab import control

LOOPBACK = "http://127.0.0.1:23081/cloud/zone"
SALT = "encryptionsalt: v1:old\n"
ACCESS = "    access: {private_key_file: .kokunai/ssh/%s, ssh_from: [192.0.2.0/24]}\n"


def _stack_file(name: str, lab: bool, key: str = "id_ed25519") -> str:
    head = f"config:\n  kokunai:environment:\n    name: {name}\n    lab: {str(lab).lower()}\n"
    return head + ACCESS % key


def _deployment(endpoint: str | None, *more: dict[str, Any]) -> dict[str, Any]:
    urn = "urn:pulumi:dev::kokunai::pulumi:providers:kokunai::dev"
    provider = {
        "urn": urn,
        "type": "pulumi:providers:kokunai",
        "custom": True,
        "inputs": {"sakuraApiRootUrl": endpoint} if endpoint else {},
    }
    labels = {"data-class": "internal", **({"simulated": "true"} if endpoint == LOOPBACK else {})}
    server = {
        "urn": "urn:pulumi:dev::kokunai::kokunai:sakura:Server::train-0",
        "type": "kokunai:sakura:Server",
        "custom": True,
        "provider": f"{urn}::an-id",
        "inputs": {"labels": labels},
    }
    stack = {
        "urn": "urn:pulumi:dev::kokunai::pulumi:pulumi:Stack::x",
        "type": "pulumi:pulumi:Stack",
    }
    return {"resources": [stack, provider, server, *more]}


class Checkout:
    """A project with a lab, whose stack `local` was used."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "stacks").mkdir(parents=True)
        (root / "Pulumi.yaml").write_text(
            "name: kokunai\nruntime: python\nstackConfigDir: stacks\n"
        )
        self.stack("local", _stack_file("local", lab=True) + SALT)
        (root / ".kokunai/ssh").mkdir(parents=True)
        for name in ("passphrase", "ssh/id_ed25519", "ssh/id_ed25519.pub", "ssh/other"):
            (root / ".kokunai" / name).write_text("x")

    def stack(self, name: str, text: str) -> None:
        (self.root / f"stacks/Pulumi.{name}.yaml").write_text(text)

    def state(self, name: str, deployment: dict[str, Any] | str) -> Path:
        path = self.root / f".kokunai/state/.pulumi/stacks/kokunai/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        is_text = isinstance(deployment, str)
        held = deployment if is_text else json.dumps({"checkpoint": {"latest": deployment}})
        path.write_text(held)
        return path

    def left(self) -> set[str]:
        held = (self.root / ".kokunai").rglob("*")
        return {str(path.relative_to(self.root / ".kokunai")) for path in held if path.is_file()}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path / "国内 a")
    monkeypatch.chdir(made.root / "stacks")
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr(clean, "enter", lambda *_, **__: None)
    return made


def _clean(*arguments: str) -> None:
    clean.clean.main(list(arguments), standalone_mode=False)


def test_what_is_the_labs_goes_and_is_listed_before(checkout, monkeypatch, capsys):
    checkout.state("local", _deployment(LOOPBACK))
    (checkout.root / ".kokunai/lab").mkdir()
    taken_down = []
    monkeypatch.setattr(control, "down", lambda lab, *, purge, progress: taken_down.append(purge))

    _clean()

    assert taken_down == [True]
    assert not (checkout.root / ".kokunai").exists()
    assert "encryptionsalt" not in (checkout.root / "stacks/Pulumi.local.yaml").read_text()
    listed = capsys.readouterr().out
    assert "  .kokunai\n" in listed
    assert "  stacks/Pulumi.local.yaml\n" in listed


def test_a_list_removes_nothing(checkout, capsys):
    before = checkout.left()

    _clean("--list")

    assert checkout.left() == before
    assert ".kokunai" in capsys.readouterr().out


REAL = {
    "the API itself": _deployment(None),
    "another endpoint": _deployment("https://secure.sakura.ad.jp/cloud/zone"),
    "labels of a real stack": _deployment(LOOPBACK.replace("127.0.0.1", "localhost"))
    | {
        "resources": [
            *_deployment(LOOPBACK)["resources"][:2],
            {
                **_deployment(LOOPBACK)["resources"][2],
                "inputs": {"labels": {"data-class": "internal"}},
            },
        ]
    },
    "another package": _deployment(
        LOOPBACK,
        {
            "urn": "urn:pulumi:dev::kokunai::sakuracloud:index:Disk::d",
            "type": "sakuracloud:index:Disk",
            "custom": True,
        },
    ),
    "half a file": '{"checkpoint": {"lat',
    "an empty file": "",
}


@pytest.mark.parametrize("what", REAL)
def test_a_stack_that_is_not_the_labs_keeps_everything_where_it_is(checkout, what):
    checkout.stack("dev", _stack_file("dev", lab=False))
    checkout.state("dev", REAL[what])
    before = checkout.left()

    with pytest.raises(KokunaiError) as refusal:
        _clean()

    assert checkout.left() == before
    assert "  dev: " in refusal.value.ja
    assert ("destroy --stack dev" in refusal.value.en) is ("file" not in what)


LABS = {
    "an empty stack": {},
    "only the stack itself": {"resources": _deployment(LOOPBACK)["resources"][:2]},
    "the lab's": _deployment(LOOPBACK),
    "random values beside the lab": _deployment(
        LOOPBACK,
        {"urn": "urn:pulumi:a::b::random:index:Id::i", "type": "random:index:Id", "custom": True},
    ),
}


@pytest.mark.parametrize("what", LABS)
def test_a_stack_without_anything_real_is_no_reason_to_refuse(checkout, what):
    checkout.state("dev", LABS[what])

    _clean()

    assert checkout.left() == set()


def test_an_emptied_state_of_the_lab_is_no_reason_to_refuse(checkout):
    checkout.state("local", "")

    _clean()

    assert checkout.left() == set()


def test_passphrase_and_key_of_a_real_stack_survive(checkout, capsys):
    checkout.stack("dev", _stack_file("dev", lab=False) + SALT)

    _clean()

    assert checkout.left() == {"passphrase", "ssh/id_ed25519", "ssh/id_ed25519.pub"}
    assert ".kokunai/passphrase" in capsys.readouterr().out


def test_a_real_stack_without_secrets_keeps_its_key_only(checkout):
    checkout.stack("dev", _stack_file("dev", lab=False, key="other"))

    _clean()

    assert checkout.left() == {"ssh/other"}


def test_the_salt_of_secrets_stays_with_them(checkout):
    text = _stack_file("local", lab=True) + "  kokunai:x: {secure: v1:abc}\n" + SALT
    checkout.stack("local", text)

    _clean()

    assert (checkout.root / "stacks/Pulumi.local.yaml").read_text() == text


# Which stack a command is for


@pytest.mark.parametrize(
    ("command", "stack"),
    [
        (["pulumi", "up", "--stack", "dev"], "dev"),
        (["pulumi", "-s", "o/kokunai/dev", "up"], "o/kokunai/dev"),
        (["/usr/bin/pulumi", "up", "--stack=dev"], "dev"),
        (["pulumi", "up", "--stack"], ""),
        (["bash", "-c", "pulumi up --stack dev"], ""),
    ],
)
def test_the_stack_of_a_command_is_the_one_it_names(checkout, monkeypatch, command, stack):
    monkeypatch.setenv("PULUMI_HOME", str(checkout.root / "home"))
    monkeypatch.delenv("PULUMI_STACK", raising=False)

    assert stacks.of_command(checkout.root, command) == stack


@pytest.fixture
def labs_variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a lab would set, without an engine to find."""
    monkeypatch.setattr(local, "project_environment", lambda _: {"PULUMI_BACKEND_URL": "file:///s"})
    variables = {"SAKURA_API_ROOT_URL": LOOPBACK, "SAKURA_ACCESS_TOKEN": "lab"}
    monkeypatch.setattr(local, "_lab_environment", lambda _: variables)
    monkeypatch.setenv("SAKURA_ACCESS_TOKEN", "real")
    return variables


def test_putting_commands_on_the_path_does_not_point_at_the_lab(checkout, labs_variables, capsys):
    local.env.main([], standalone_mode=False)

    assert capsys.readouterr().out == "export PULUMI_BACKEND_URL=file:///s\n"


def _ran(monkeypatch: pytest.MonkeyPatch, *command: str) -> dict[str, str]:
    """The variables with which `kokunai run` starts a command."""
    started: list[dict[str, str]] = []
    monkeypatch.setattr("kokunai.cli.namespaces.enter", lambda *_, **__: None)
    monkeypatch.setattr(local.os, "execvpe", lambda *given: started.append(given[2]))
    local.run.main(["--", *command], standalone_mode=False)
    return started[0]


def test_a_command_for_a_real_stack_keeps_the_real_token(
    checkout, labs_variables, monkeypatch, capsys
):
    checkout.stack("dev", _stack_file("dev", lab=False))

    variables = _ran(monkeypatch, "pulumi", "destroy", "--stack", "dev")

    assert variables["SAKURA_ACCESS_TOKEN"] == "real"
    assert variables.get("SAKURA_API_ROOT_URL") != LOOPBACK
    assert capsys.readouterr().err == ""


def test_a_command_for_the_lab_says_that_the_real_token_is_not_used(
    checkout, labs_variables, monkeypatch, capsys
):
    variables = _ran(monkeypatch, "pulumi", "up", "--stack", "local")

    said = capsys.readouterr().err
    assert variables["SAKURA_ACCESS_TOKEN"] == "lab"
    assert "SAKURA_ACCESS_TOKEN" in said
    assert "real" not in said


# What a state file that a full disk emptied means


def test_an_emptied_state_file_is_answered_with_the_command_that_brings_it_back(checkout):
    path = checkout.state("dev", "")
    path.with_name("dev.json.bak").write_text(json.dumps({"checkpoint": {"latest": {}}}))

    with pytest.raises(KokunaiError) as refusal:
        state_files.refuse_damaged(checkout.root, "organization/kokunai/dev")

    [command] = [line for line in refusal.value.en.splitlines() if line.startswith("  cp ")]
    subprocess.run(command, shell=True, check=True)
    assert state_files.deployment_of(path) == {}
    assert command in refusal.value.ja


def test_a_state_file_whose_copy_is_broken_too_is_said(checkout):
    checkout.state("dev", "{")

    with pytest.raises(KokunaiError) as refusal:
        state_files.refuse_damaged(checkout.root, "dev")

    assert ".pulumi/history" in refusal.value.en


def test_a_good_state_file_is_left_alone(checkout):
    checkout.state("dev", _deployment(None))

    state_files.refuse_damaged(checkout.root, "dev")


def test_a_mount_point_below_is_not_followed(checkout):
    """The tool that removes stops at mount points; a link is removed and not what it leads to."""
    kept = checkout.root / "data"
    kept.mkdir()
    (kept / "file").touch()
    (checkout.root / ".kokunai/link").symlink_to(kept)

    _clean()

    assert (kept / "file").exists()
