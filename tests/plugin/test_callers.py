"""Who may call a port of ours: this user and root, found in the kernel's table of connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kokunai import callers, socket_diag
from kokunai.callers import SameUserOnly, endpoint, endpoint_of_peer, owner_of
from kokunai.plugin.ansible.module import AnsibleSettings, ansible
from support.plugin_engine import Failed, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ENGINE, PLUGIN = endpoint("127.0.0.1", 0x9C40), endpoint("127.0.0.1", 0x1F90)
V4 = "0: 0100007F:9C40 0100007F:1F90 {state} 0:0 0:0 0 {user} 0 {inode} 1 0"
V6 = (
    "0: 0000000000000000FFFF00000100007F:9C40 0000000000000000FFFF00000100007F:1F90"
    " {state} 0:0 0:0 0 {user} 0 {inode} 1 0"
)
CALL = """
import os, sys, grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
os.setuid(int(sys.argv[2]))
stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(sys.argv[1]))
request = provider_pb2.ConfigureRequest()
request.args["sakuraApiRootUrl"] = "http://127.0.0.1:9/evil"
for call, given in ((stub.Configure, request), (stub.GetPluginInfo, Empty())):
    try:
        call(given, timeout=10)
        print("answered")
    except grpc.RpcError as error:
        print(error.code().name)
"""


@pytest.mark.parametrize("line", [V4, V6])
def test_the_table_tells_who_opened_a_connection(line: str):
    other = line.format(state="01", user=7, inode=5).replace(":9C40", ":9C41")

    found = owner_of(ENGINE, PLUGIN, ["", other, line.format(state="01", user=1001, inode=44)])

    assert found == 1001


@pytest.mark.parametrize(
    ("state", "inode"), [("06", 0), ("05", 0), ("04", 0), ("01", 0), ("0A", 9)]
)
def test_a_connection_that_nobody_holds_any_more_belongs_to_nobody(state: str, inode: int):
    # The kernel shows such a line with user 0, which must not pass for root.
    line = V4.format(state=state, user=0, inode=inode)

    assert owner_of(ENGINE, PLUGIN, [line]) is None


def test_our_own_end_of_a_connection_is_not_mistaken_for_the_other():
    assert owner_of(PLUGIN, ENGINE, [V4.format(state="01", user=0, inode=4)]) is None


def test_peers_are_read_as_grpc_writes_them():
    assert endpoint_of_peer("ipv4:127.0.0.1:40000") == ENGINE
    assert endpoint_of_peer("ipv6:%5B::ffff:127.0.0.1%5D:40000") == ENGINE
    assert endpoint_of_peer("ipv6:%5B::1%5D:5") == endpoint("::1", 5)
    for wrong in ("unix:/tmp/socket", "ipv4:", ""):
        with pytest.raises(ValueError, match=r"^|$"):
            endpoint_of_peer(wrong)


@contextlib.asynccontextmanager
async def _guarded() -> AsyncIterator[tuple[SameUserOnly, str]]:
    class Plugin(provider_pb2_grpc.ResourceProviderServicer):
        async def Cancel(self, _: object, __: object) -> Empty:  # noqa: N802 - the protocol
            return Empty()

    guard = SameUserOnly()
    server = grpc.aio.server(interceptors=[guard])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield guard, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def _cancel(address: str) -> str:
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            await provider_pb2_grpc.ResourceProviderStub(channel).Cancel(Empty(), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "answered"


async def test_this_user_is_let_in_and_the_table_is_read_once_a_connection(monkeypatch):
    reads = []
    monkeypatch.setattr(callers, "owner_of", lambda *given: reads.append(1) or owner_of(*given))
    async with _guarded() as (_, address), grpc.aio.insecure_channel(address) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        for _ in range(5):
            await stub.Cancel(Empty(), timeout=10)

    assert len(reads) == 1


@pytest.mark.parametrize(
    ("user", "answer"), [(os.geteuid(), "answered"), (0, "answered"), (os.geteuid() + 4242, "no")]
)
async def test_root_and_this_user_are_let_in_and_nobody_else(monkeypatch, user, answer):
    monkeypatch.setattr(callers, "owner_of", lambda *_: user)
    async with _guarded() as (_, address):
        said = await _cancel(address)

    assert said == (answer if answer == "answered" else "PERMISSION_DENIED")


async def test_a_connection_that_no_table_shows_is_refused(monkeypatch):
    monkeypatch.setattr(callers, "owner_of", lambda *_: None)
    async with _guarded() as (_, address):
        assert await _cancel(address) == "PERMISSION_DENIED"


async def test_a_system_without_the_table_lets_everybody_in(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(callers, "TABLES", (tmp_path / "tcp",))
    async with _guarded() as (_, address):
        assert await _cancel(address) == "answered"


@pytest.fixture
def _empty_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a sandbox: readable, with a head and no line."""
    tables = (tmp_path / "tcp", tmp_path / "tcp6")
    for table in tables:
        table.write_text("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n")
    monkeypatch.setattr(callers, "TABLES", tables)
    callers._warn_that_nothing_tells.cache_clear()


def _silent(*_: object) -> None:
    raise OSError


@pytest.mark.usefixtures("_empty_tables")
@pytest.mark.parametrize("user", [os.geteuid(), os.geteuid() + 4242])
async def test_where_tables_are_empty_the_kernel_is_asked_over_netlink(monkeypatch, user, capsys):
    async with _guarded() as (guard, address):
        monkeypatch.setattr(callers.socket_diag, "user_of", lambda *_: user)
        said = await _cancel(address)

    assert guard._judged.can_tell
    assert said == ("answered" if user == os.geteuid() else "PERMISSION_DENIED")
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("_empty_tables")
async def test_where_nothing_tells_every_caller_is_let_in_and_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(callers.socket_diag, "user_of", _silent)
    async with _guarded() as (_, address), _guarded():
        assert await _cancel(address) == "answered"

    assert capsys.readouterr().err.count("確かめられない") == 1


@pytest.mark.usefixtures("_empty_tables")
async def test_a_kernel_that_falls_silent_later_lets_nobody_in(monkeypatch):
    async with _guarded() as (_, address):
        monkeypatch.setattr(callers.socket_diag, "user_of", _silent)
        assert await _cancel(address) == "PERMISSION_DENIED"


def test_a_table_that_shows_our_own_listener_is_evidence():
    assert callers._source() is callers._in_tables


@pytest.mark.parametrize(
    ("family", "host"),
    [
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1"),
    ],
)
def test_the_kernel_tells_over_netlink_who_opened_a_connection(family: int, host: str):
    other = os.geteuid() or pwd.getpwnam("nobody").pw_uid
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        child = (
            "import os, socket, sys\n"
            f"os.getuid() or os.setuid({other})\n"
            f"one = socket.socket({int(family)}); one.connect(('{host}', int(sys.argv[1])))\n"
            "print(one.getsockname()[1], flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", child, str(listener.getsockname()[1])]
        caller = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ends = endpoint(host, int(caller.stdout.readline())), endpoint(*listener.getsockname()[:2])

        found = socket_diag.user_of(*ends)
        elsewhere = socket_diag.user_of(endpoint(host, 1), ends[1])
        caller.communicate("")
        gone = socket_diag.user_of(*ends)

    assert (found, elsewhere, gone) == (other, None, None)


def test_a_system_without_netlink_shows_nobody(monkeypatch):
    monkeypatch.delattr(socket, "AF_NETLINK")
    monkeypatch.setattr(socket, "socket", None)

    assert socket_diag.user_of(endpoint("127.0.0.1", 1), endpoint("127.0.0.1", 2)) is None


async def test_a_port_that_another_connection_had_is_judged_again(monkeypatch):
    users = iter([os.geteuid(), os.geteuid() + 1])
    monkeypatch.setattr(callers, "owner_of", lambda *_: next(users))
    async with _guarded() as (guard, address):
        first = await _cancel(address)
        ((_, judged),) = guard._judged._users.items()
        guard._judged._users.clear()
        for _ in range(500):  # our end of the first one closes a moment later
            if not callers._is_open(judged[0]):
                break
            await asyncio.sleep(0.01)
        host, port = address.split(":")
        with socket.create_connection((host, int(port))) as later:
            peer = f"ipv4:127.0.0.1:{later.getsockname()[1]}"
            guard._judged._users[peer] = judged  # what was found about the earlier connection

            user = await guard._user_of(peer)

    assert (first, user) == ("answered", os.geteuid() + 1)


def _call_as(user: int, address: str) -> str:
    # The other user need not be able to read this Python, so it becomes that user when it runs.
    command = [sys.executable, "-c", CALL, address, str(user)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_before_the_engine_comes_and_after(project: Path):
    nobody = pwd.getpwnam("nobody").pw_uid
    plugin = subprocess.Popen(
        [sys.executable, str(project / "components"), "127.0.0.1:9"], stdout=subprocess.PIPE
    )
    try:
        assert plugin.stdout is not None
        address = f"127.0.0.1:{int(plugin.stdout.readline())}"
        channel = grpc.insecure_channel(address)
        stub = provider_pb2_grpc.ResourceProviderStub(channel)

        before = _call_as(nobody, address)
        args = Struct()
        args["sakuraApiRootUrl"] = "http://127.0.0.1:9/mine"
        engine = stub.Configure(provider_pb2.ConfigureRequest(args=args), timeout=10)
        after = _call_as(nobody, address)
        channel.close()
    finally:
        plugin.kill()
        plugin.communicate()

    assert engine.acceptSecrets
    assert [before, after] == ["PERMISSION_DENIED\nPERMISSION_DENIED\n"] * 2


async def test_a_second_configuration_with_other_values_is_refused(tmp_path: Path, monkeypatch):
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "plays").mkdir()
    monkeypatch.chdir(tmp_path)
    async with running(ansible()) as engine:
        await engine.configure({"playbooksDirectory": "plays"})
        await engine.configure({"playbooksDirectory": "plays"})
        with pytest.raises(Failed, match="playbooksDirectory") as refused:
            await engine.configure({})

        assert engine.servicer._config == {"playbooksDirectory": "plays"}
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("given", ["{outside}", "../outside", "plays/../../outside", "link", "/"])
async def test_playbooks_outside_of_the_project_are_refused(tmp_path: Path, monkeypatch, given):
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / "stacks").mkdir(parents=True)
    outside.mkdir()
    (root / "Pulumi.yaml").touch()
    (root / "link").symlink_to(outside)
    monkeypatch.chdir(root / "stacks")
    async with running(ansible()) as engine:
        with pytest.raises(Failed, match="プロジェクトの中に置いてください") as refused:
            await engine.configure({"playbooksDirectory": given.format(outside=outside)})

    assert "outside of the project" in refused.value.message


@pytest.mark.parametrize("given", ["plays", "./stacks/../plays", "{root}/plays", ".", "{package}"])
def test_playbooks_of_the_project_and_of_the_package_are_taken(tmp_path: Path, monkeypatch, given):
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path / "stacks")
    package = callers.Path(callers.__file__).parent / "_playbooks"

    text = given.format(root=tmp_path, package=package)

    assert AnsibleSettings(playbooks_directory=text).playbooks_directory == text
