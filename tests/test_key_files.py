"""Key files are judged as ssh would judge them, before anything is bought."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from kokunai import KokunaiError, key_files, model, user_paths
from kokunai.plugin.ansible import places
from kokunai.settings import _key


def _keygen(path: Path, *more: str, passphrase: str = "") -> Path:
    command = ["ssh-keygen", "-q", "-C", "me@here", "-N", passphrase, "-f", path]
    subprocess.run([*command, *(more or ("-t", "ed25519"))], check=True)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _keygen(tmp_path_factory.mktemp("made") / "id")


@pytest.fixture
def key(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key of this test alone, and no agent."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    for name in ("id", "id.pub"):
        (tmp_path / name).write_bytes((made.parent / name).read_bytes())
    (tmp_path / "id").chmod(0o600)
    return tmp_path / "id"


def _judged(key: Path) -> str:
    """What the judgement says; empty where the key is fine."""
    try:
        key_files.judge(key, key_files.public_half(key))
    except KokunaiError as error:
        return error.en
    return ""


def _is_fine_for_ssh(key: Path) -> bool:
    command = ["ssh-keygen", "-y", "-P", "", "-f", key]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ed25519"),
        ("-t", "ecdsa"),
        ("-t", "rsa", "-b", "2048", "-m", "PEM"),
        ("-t", "ecdsa", "-m", "PKCS8"),
    ],
    ids=" ".join,
)
def test_a_key_of_any_form_is_fine(tmp_path: Path, kind: tuple[str, ...]):
    assert _judged(_keygen(tmp_path / "a key", *kind)) == ""


SPOILT = {
    "line ends": (lambda data: data.replace(b"\n", b"\r\n"), r"CRLF.*sed -i"),
    "no last line end": (lambda data: data[:-1], "lacks its beginning or its end"),
    "byte order mark": (lambda data: b"\xef\xbb\xbf" + data, "lacks its beginning or its end"),
    "cut": (lambda data: data[:120], "lacks its beginning or its end"),
    "other text": (lambda data: data[:40] + b"AAAA" + data[60:], "is damaged"),
    "PuTTY": (lambda _data: b"PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen"),
    "public half": (lambda _data: b"ssh-ed25519 AAAA me\n", "is no SSH private key"),
    "empty": (lambda _data: b"", "is no SSH private key"),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILT.values(), ids=SPOILT)
def test_what_ssh_cannot_read_is_told_with_the_cause(key: Path, spoil, said: str):
    key.write_bytes(spoil(key.read_bytes()))

    assert re.search(said, _judged(key))
    assert not _is_fine_for_ssh(key)


def test_old_forms_may_have_windows_line_ends(tmp_path: Path):
    key = _keygen(tmp_path / "id", "-t", "rsa", "-b", "2048", "-m", "PEM")
    key.write_bytes(key.read_bytes().replace(b"\n", b"\r\n"))

    assert _is_fine_for_ssh(key)
    assert _judged(key) == ""


@pytest.mark.parametrize("form", [(), ("-t", "rsa", "-b", "2048", "-m", "PEM")], ids=["new", "old"])
def test_two_halves_that_do_not_fit_are_told(tmp_path: Path, key: Path, form):
    other = _keygen(tmp_path / "other", *form)
    other.with_name("other.pub").write_text(key.with_name("id.pub").read_text())

    assert f"{other}.pub are different keys" in _judged(other)


def test_a_key_others_can_read_is_told_with_the_cure(key: Path):
    key.chmod(0o640)

    assert f"chmod 600 {key}" in _judged(key)


@pytest.mark.parametrize(
    "form", [("-t", "ed25519"), ("-t", "ecdsa", "-m", "PKCS8")], ids=["new", "old"]
)
def test_a_passphrase_needs_an_agent_that_holds_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form
):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    locked = _keygen(tmp_path / "locked", *form, passphrase="open sesame")

    alone = _judged(locked)
    public = " ".join(locked.with_name("locked.pub").read_text().split()[:2])
    monkeypatch.setattr(key_files, "_said", lambda *_: f"{public} another comment\n")

    assert f"add it with: ssh-add {locked}" in alone
    assert _judged(locked) == ""


@pytest.fixture
def agent(tmp_path: Path, key: Path) -> Iterator[str]:
    """The socket of an agent that holds the key; nothing in the environment names it."""
    socket = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not Path(socket).exists():
            agent.poll()
        given = {**os.environ, "SSH_AUTH_SOCK": socket}
        subprocess.run(["ssh-add", "-q", key], env=given, check=True)
        yield socket
    finally:
        agent.terminate()
        agent.wait()


def test_an_agent_is_really_asked(key: Path, agent: str, monkeypatch: pytest.MonkeyPatch):
    """One with the key loaded before it got its passphrase, so that nothing has to be typed."""
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key]
    subprocess.run(change, check=True)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)

    assert _judged(key) == ""


def test_a_key_that_only_an_agent_holds_needs_no_file(
    key: Path, agent: str, monkeypatch: pytest.MonkeyPatch
):
    access = model.Access(private_key_file="id", ssh_from=["198.18.0.0/15"])
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    public = key_files.public_half(key)
    key.unlink()

    with pytest.raises(KokunaiError, match=r"put it at .*, or into the ssh-agent"):
        _key(access, key.parent)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)

    assert _key(access, key.parent).public_key == public
    assert places.private_key(str(key)) == key
    with pytest.raises(KokunaiError, match="does not exist"):
        places.private_key(str(key.with_name("other")))


@pytest.mark.parametrize(
    "line",
    [
        "IdentityAgent {agent}",
        '  identityagent="{agent}"',
        "IdentityAgent\t%d/agent",
        "IdentityAgent ~/agent",
    ],
)
def test_the_agent_of_the_ssh_config_is_asked_too(
    key: Path, agent: str, monkeypatch: pytest.MonkeyPatch, line: str
):
    monkeypatch.setenv("HOME", str(key.parent))
    config = key.with_name("config")
    public = key_files.public_half(key)
    key.unlink()

    config.write_text("IdentityAgent none\nHost 10.*\n")
    with pytest.raises(KokunaiError, match="IdentityAgent"):
        key_files.judge(key, public, config)
    config.write_text(f"Host 10.*\n{line.format(agent=agent)}\n")

    key_files.judge(key, public, config)
    assert places.private_key(str(key), str(config)) == key


def test_a_half_that_is_there_is_never_overwritten_by_the_advice(key: Path):
    key.with_name("id.pub").unlink()
    without_public = _judged(key)
    key.with_name("id.pub").write_text("nonsense")
    nonsense = _judged(key)

    assert f"ssh-keygen -y -f {key} > {key}.pub" in without_public
    assert f"ssh-keygen -y -f {key}" in nonsense
    assert ">" not in nonsense
    assert "-t ed25519" not in without_public + nonsense


def test_a_key_in_a_folder_to_come_is_made_with_its_folder(tmp_path: Path):
    said = _judged(tmp_path / "a b/id")

    assert f"mkdir -p -m 700 '{tmp_path}/a b' && ssh-keygen -t ed25519 -N '' -f" in said


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path):
    os.mkfifo(tmp_path / "id")

    with pytest.raises(KokunaiError, match="is no file"):
        key_files.judge(tmp_path / "id")


def test_another_comment_is_the_same_key():
    one, other = "ssh-ed25519 AAAAC3Nz me@here", "ssh-ed25519   AAAAC3Nz"

    assert key_files.key_id(one) == key_files.key_id(other)
    assert key_files.key_id(one) != key_files.key_id("ssh-ed25519 AAAAC3Nx me@here")


def test_a_home_is_expanded_and_a_path_counts_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", "/home/me")

    assert str(user_paths.absolute(tmp_path, "~/.ssh/id")) == "/home/me/.ssh/id"
    assert user_paths.absolute(tmp_path, "keys/../id") == tmp_path / "id"
    with pytest.raises(KokunaiError, match="no home directory"):
        user_paths.absolute(tmp_path, "~nobody-has-this-name/id")


def test_a_preview_judges_the_private_half_and_needs_none(
    key: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setenv("HOME", str(key.parent))
    access = model.Access(private_key_file="~/id", ssh_from=["198.18.0.0/15"])
    key.chmod(0o644)

    with pytest.raises(KokunaiError, match=f"chmod 600 {key}"):
        _key(access, Path("/nowhere"))
    key.unlink()

    assert _key(access, Path("/nowhere")).public_key.endswith("me@here")
