"""The first host key: each new server has another one, and the first login accepts no other."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from plugin_sakura import server_inputs

from kokunai.plugin.ansible import host_keys
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.events import Reducer
from kokunai.plugin.ansible.outcome import Outcome, Run, outputs, reason
from kokunai.plugin.ansible.request import Request, host_of, inventory
from kokunai.plugin.kind import Created, InitFailed, Transition
from kokunai.plugin.sakura.server import first_key
from support.operation import Operation
from support.plugin_engine import urn

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from support.lab_client import LabClient
    from support.plugin_engine import Engine

SEED = "ab" * 32
SERVER = "113000000001"
FIRST = first_key.public_key(SEED, SERVER)
OWN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"


def _host(**changed: Any):
    given = {"name": "a", "address": "10.0.0.1", "serverId": "1", "user": "root", "hostKey": FIRST}
    return host_of({**given, **changed})


def _state(keys: list[str], first: str = FIRST, server: str = "1") -> dict[str, Any]:
    result = {"status": "ok", "serverId": server, "firstKey": first}
    return {"hostKeys": {"a": keys}, "results": {"a": result}}


# What a server is given


def test_the_script_holds_the_private_half_of_the_key_that_is_told(tmp_path: Path):
    script = first_key.script(SEED, SERVER)
    private = re.search(r"-----BEGIN.*END OPENSSH PRIVATE KEY-----\n", script, re.DOTALL)
    assert private
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(private[0])

    told = subprocess.check_output(["ssh-keygen", "-y", "-f", file], text=True)

    assert told.strip() == FIRST
    assert host_keys.PUBLIC_KEY.fullmatch(FIRST)
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_server_and_every_stack_has_another_key_and_a_repeated_create_the_same():
    assert first_key.public_key(SEED, SERVER) == FIRST
    assert first_key.public_key(SEED, "113000000002") != FIRST
    assert first_key.public_key("cd" * 32, SERVER) != FIRST


async def test_a_new_server_tells_the_key_that_its_disk_was_given(engine: Engine, lab: LabClient):
    where = urn("kokunai:sakura:Server", "node")
    news = server_inputs(hostKeySeed=SEED, startupScript="#!/bin/sh\ntrue\n")

    made = await engine.raw_create(where, news, secrets=["hostKeySeed"])
    id_, state = await engine.create(where, news)
    _, inputs, seen = await engine.read(where, id_, state, news)
    diff = await engine.diff(where, id_, seen, inputs, {**news, "hostKeySeed": "cd" * 32})

    assert state["hostKey"] == seen["hostKey"] == first_key.public_key(SEED, id_)
    # The second create takes over what the first one made, as after a kill.
    assert made.id == id_
    assert "value" in made.properties.fields["hostKeySeed"].struct_value.fields
    assert "notes" not in lab.counts()
    assert not diff.detailedDiff


async def test_a_server_without_a_seed_has_no_key_to_tell(engine: Engine):
    _, state = await engine.create(urn("kokunai:sakura:Server", "node"), server_inputs())

    assert state["hostKey"] == ""


@pytest.mark.slow
async def test_a_boot_disk_that_is_made_anew_has_another_key_than_the_lost_one(
    engine: Engine, lab: LabClient
):
    where = urn("kokunai:sakura:Server", "node")
    news = server_inputs(hostKeySeed=SEED)
    id_, state = await engine.create(where, news)
    lost = state["diskIds"][0]
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    lab.api("DELETE", f"disk/{lost}/to/server")
    lab.api("DELETE", f"disk/{lost}")

    _, inputs, seen = await engine.read(where, id_, state, news)
    after = await engine.update(where, id_, seen, inputs, news)
    # Killed before the state was written: the disk itself tells which key it has.
    again = await engine.update(where, id_, seen, inputs, news)
    _, inputs, seen = await engine.read(where, id_, again, news)
    renamed = await engine.update(where, id_, seen, inputs, {**news, "description": "x"})

    assert after["diskIds"] != state["diskIds"]
    assert after["hostKey"] not in {"", state["hostKey"]}
    assert again["hostKey"] == renamed["hostKey"] == after["hostKey"]
    assert "notes" not in lab.counts()


def test_a_disk_after_a_lost_one_is_marked_as_such():
    mark = first_key.mark_after(FIRST)

    assert len(f"kokunai-key-{mark}") <= 32
    assert first_key.public_key(SEED, mark) != FIRST
    assert first_key.mark_after("") == ""


# What the first login accepts


def test_at_the_first_contact_the_pinned_key_alone_is_accepted():
    request = Request(
        playbook="/p/site.yml",
        hosts=(_host(),),
        variables={},
        secrets={},
        private_key_file="/k/id",
        known_hosts=tuple(host_keys.pinned([_host()], {})),
    )

    host = inventory(request, Path("/x"), "/x")["all"]["hosts"]["a"]

    assert request.known_hosts == (f"10.0.0.1 {FIRST}",)
    assert host["ansible_ssh_extra_args"] == "-o StrictHostKeyChecking=yes"
    # The script that brings the key may take as long as the first boot does.
    assert host["connection_patience_seconds"] == 180


def test_after_the_first_contact_the_hosts_own_keys_count_and_the_pinned_one_no_more():
    run = Run.of(["a"])
    run.take({"record": "host_keys", "host": "a", "keys": [OWN]})
    run.hosts["a"].status = "ok"
    run.known_hosts = [f"10.0.0.1 {FIRST}"]

    after = outputs({}, {}, {"a": "digest"}, [_host()], run)

    assert after["hostKeys"]["a"] == [f"10.0.0.1 {OWN}"]
    assert after["results"]["a"]["firstKey"] == FIRST
    known = host_keys.known_keys([_host()], after)
    assert known == {"a": [f"10.0.0.1 {OWN}"]}
    assert host_keys.pinned([_host()], known) == []


@pytest.mark.parametrize("status", ["interrupted", "unreachable", "failed"])
def test_until_the_host_has_told_its_own_keys_the_first_one_is_pinned_again(status: str):
    run = Run.of(["a"])
    run.hosts["a"].status = status
    run.known_hosts = [f"10.0.0.1 {FIRST}"]

    after = outputs({}, {}, {"a": "digest"}, [_host()], run)

    assert host_keys.known_keys([_host()], after) == {}
    assert host_keys.pinned([_host()], {}) == [f"10.0.0.1 {FIRST}"]


@pytest.mark.parametrize(
    ("host", "state", "is_known"),
    [
        (_host(serverId="2"), _state(["10.0.0.1 x"]), True),  # its plan changed, not its disk
        (_host(), _state(["10.0.0.1 x"], first=OWN), False),  # made anew
        (_host(), _state(["10.0.0.1 x"], first=""), False),  # believed once, and told of now
        (_host(hostKey=""), _state(["10.0.0.1 x"], first=""), True),
        (_host(hostKey="", serverId="2"), _state(["10.0.0.1 x"], first=""), False),
    ],
)
def test_recorded_keys_count_for_the_same_disk(host, state, is_known: bool):
    assert bool(host_keys.known_keys([host], state)) is is_known


def test_a_host_tells_public_keys_and_nothing_else():
    said = [OWN, f"{OWN}\nother ssh-rsa AAAA", "@cert-authority * ssh-ed25519 AAAA", 7, None]
    event = {
        "event": "runner_on_ok",
        "event_data": {
            "host": "a",
            "task_action": "kokunai_host",
            "res": {"host_keys": said, "systemd": True},
        },
    }

    assert Reducer([]).records(event) == [{"record": "host_keys", "host": "a", "keys": [OWN]}]
    assert host_keys.told("ssh-ed25519 AAAA") == []


@pytest.mark.parametrize("key", ["ssh-ed25519", "x\nb", f"@revoked {OWN}", f"{OWN} -oProxy"])
async def test_a_key_that_is_none_is_refused_at_its_place(key: str, configuration):
    checked = await Configuration().check(Transition(new=configuration(hostKey=key)))

    assert [problem.path for problem in checked.failures] == ["hosts[0].hostKey"]


async def test_no_key_and_an_empty_one_are_the_same(configuration):
    empty = await Configuration().check(Transition(new=configuration(hostKey="")))
    none = await Configuration().check(Transition(new=configuration()))

    assert empty == none


@pytest.fixture
def configuration():
    def made(**changed: Any) -> dict[str, Any]:
        host = {"name": "a", "address": "127.0.0.1", "serverId": "1", "user": "root", "port": 1}
        return {
            "site": "sakura-ishikari",
            "labels": {"data-class": "domestic"},
            "pool": "train",
            "hosts": [{**host, **changed}],
            "roleDigest": "0",
            "variables": {"kokunai_roles": []},
            "secretVariables": {"hidden": "correct-horse"},
            "keyId": "0",
            "privateKeyFile": "id",
        }

    return made


IMPOSTOR = """\
#!/bin/sh
# An sshd of somebody else at the address: ssh compares its key with the pinned one and gives up.
for word in "$@"; do
    case $word in UserKnownHostsFile=*) cp "${{word#*=}}" {folder}/known ;; esac
    printf '%s\\n' "$word" >> {folder}/said
done
echo 'No ED25519 host key is known for 127.0.0.1 and you have requested strict checking.' >&2
echo 'Host key verification failed.' >&2
exit 255
"""


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return str(path)


@pytest.mark.slow
async def test_another_machine_that_answers_first_gets_neither_a_secret_nor_a_play(
    configuration, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(IMPOSTOR.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    kind, operation = Configuration(), Operation()
    kind.patience_seconds = 2

    new = Transition(new={**configuration(hostKey=FIRST), "privateKeyFile": key})

    with pytest.raises(InitFailed) as refused:
        await kind.create(operation, new)

    said = (tmp_path / "said").read_text()
    assert "nothing was sent to it" in refused.value.reasons[0]
    assert "何も送らずに中止しました" in refused.value.reasons[0]
    assert refused.value.outputs["results"]["a"]["status"] == "rekeyed"
    assert refused.value.outputs["hostKeys"] == {}
    assert "StrictHostKeyChecking=yes" in said
    assert "accept-new" not in said
    assert (tmp_path / "known").read_text().split()[1:] == FIRST.split()


async def test_a_host_that_was_believed_is_told_of(configuration, monkeypatch):
    async def ran(*_: Any) -> Run:
        return Run({"a": Outcome(status="ok")}, ended="finished")

    where = "kokunai.plugin.ansible.configuration."
    monkeypatch.setattr(f"{where}run_playbooks", ran)
    monkeypatch.setattr(f"{where}private_key", lambda path, _: path)
    said = []
    for key in ("", FIRST):
        operation = Operation()
        new = Transition(new=configuration(hostKey=key))
        made = await Configuration().create(operation, new)
        assert isinstance(made, Created)
        said.append("first key not pinned" in operation.infos[0])

    assert said == [True, False]


def test_a_known_host_with_another_key_is_told_otherwise_than_a_new_one():
    known = reason(_host(), Outcome(status="rekeyed"))
    new = reason(_host(), Outcome(status="rekeyed", is_first=True))

    assert "yet is the same server" in known
    assert "known beforehand" in new


# Hosts that were handed over


def _handed(**changed: Any):
    return _host(**{"owner": "0123456789abcdef", **changed})


def test_the_key_of_a_host_that_was_handed_over_gives_way_to_none_that_it_tells():
    host = _handed()
    run = Run.of(["a"])
    run.take({"record": "host_keys", "host": "a", "keys": [OWN]})
    run.hosts["a"].status = "ok"
    run.known_hosts = [f"10.0.0.1 {FIRST}"]

    after = outputs({}, {}, {"a": "digest"}, [host], run)

    assert after["hostKeys"]["a"] == [f"10.0.0.1 {FIRST}"]
    # What an earlier version recorded does not count either.
    assert host_keys.known_keys([host], _state([f"10.0.0.1 {OWN}"])) == {"a": [f"10.0.0.1 {FIRST}"]}


def test_one_address_behind_two_jump_hosts_is_two_hosts():
    a = _handed(jump="ops@gw1")
    b = _handed(name="b", jump="ops@gw2:2222", hostKey=OWN)
    lines = host_keys.pinned([a, b], {})
    request = Request("", (a, b), {}, {}, "/k/id", tuple(lines))

    written = inventory(request, Path("/x"), "/x")["all"]["hosts"]

    assert host_keys.keys_of(a, lines) == [f"{a.known_as} {FIRST}"]
    assert host_keys.keys_of(b, lines) == [f"{b.known_as} {OWN}"]
    assert f"HostKeyAlias={a.known_as}" in written["a"]["ansible_ssh_common_args"]
    assert f"HostKeyAlias={b.known_as}" in written["b"]["ansible_ssh_common_args"]


def test_recorded_keys_follow_a_host_to_another_name():
    # Without a key under its present name ssh would believe whoever answers.
    moved = _host(address="10.0.0.2", hostKey="")

    known = host_keys.known_keys([moved], _state([f"10.0.0.1 {OWN}"], first=""))

    assert known == {"a": [f"10.0.0.2 {OWN}"]}


def test_names_are_as_ssh_writes_them():
    assert _host(address="Node.Example.jp").known_as == "node.example.jp"


async def test_a_host_that_was_handed_over_is_not_scanned(monkeypatch: pytest.MonkeyPatch):
    async def scan(*_: Any) -> list[str]:
        return [f"10.0.0.1 {OWN}"]

    monkeypatch.setattr(host_keys, "_scan", scan)

    assert await host_keys.rekeyed([_handed()], {"a": [f"10.0.0.1 {FIRST}"]}) == set()
    assert await host_keys.rekeyed([_host()], {"a": [f"10.0.0.1 {FIRST}"]}) == {"a"}
