"""Judges the files of an SSH key before anything is bought: would ssh use them, and do they fit."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
_END = b"-----END OPENSSH PRIVATE KEY-----\n"
_MAGIC = b"openssh-key-v1\0"
_IDENTITY_AGENT = re.compile(
    r"^[ \t]*identityagent(?:[ \t]+|[ \t]*=[ \t]*)(.+)$", re.IGNORECASE | re.MULTILINE
)
_MOST_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 10
_WHICH = ("SSH_AUTH_SOCK か access.ssh_config の IdentityAgent", "SSH_AUTH_SOCK or IdentityAgent")
AGENTS = (
    f"ssh-agent に入れてください（{_WHICH[0]} が指すもの。ssh-add -L に表示されます）",
    f"or into the ssh-agent of {_WHICH[1]} in access.ssh_config (`ssh-add -L` shows it)",
)
"""What may hold the key instead of its file, as the end of a sentence in each language."""


def identity(public_key: str) -> str:
    """What a public key is, without its comment: its type and its number."""
    return " ".join(public_key.split()[:2])


def key_id(public_key: str) -> str:
    """First 12 hexadecimal digits of the SHA-256 of what the key is: shows a rotation."""
    return hashlib.sha256(identity(public_key).encode()).hexdigest()[:12]


def public_half(private: Path) -> str:
    """The line of `<file>.pub`. Raises KokunaiError with how to make it, overwriting nothing."""
    public = private.with_name(f"{private.name}.pub") if private.name else private
    try:
        text = public.read_text(encoding="utf-8").strip()
        is_there = private.exists()
    except FileNotFoundError:
        raise _missing(private, public) from None
    except (OSError, ValueError):  # a folder, no rights, bytes that are no text, no path at all
        raise _no_public(private, public) from None
    if len(text.split()) < 2 or "\n" in text or "PRIVATE KEY" in text:
        raise _no_public(private, public)
    if is_there and not private.is_file():
        raise _no_file(private)
    return text


def judge(private: Path, public_key: str = "", ssh_config: Path | None = None) -> None:
    """Raises KokunaiError where ssh would not use the private half, or it belongs to another key.

    A key with a passphrase is fine while an agent holds it, and so is one of which `<file>.pub`
    alone is here. Agents are that of SSH_AUTH_SOCK and those that `ssh_config` names.
    """
    if not private.exists() and is_held(public_key, ssh_config):
        return
    given, data = _blob_of(public_key), _read(private)
    status = private.stat()
    # ssh asks this only of a key that belongs to who uses it; others are mounted as they are.
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        raise KokunaiError(
            ja=f"SSH 秘密鍵 {private} をほかの人が読めます。直すには: chmod 600 {_quoted(private)}",
            en=f"Others can read the SSH private key {private}; "
            f"fix it with: chmod 600 {_quoted(private)}",
        )
    blob, is_locked = _parsed(private, data)
    if blob is None and not is_locked:
        blob = _told_by_ssh_keygen(private)
    if blob and given and blob != given:
        raise KokunaiError(
            ja=f"SSH 秘密鍵 {private} と {private}.pub は別の鍵です。"
            f"秘密鍵に合う公開鍵を見るには: ssh-keygen -y -f {_quoted(private)}",
            en=f"the SSH private key {private} and {private}.pub are different keys; "
            f"to see the public half that fits: ssh-keygen -y -f {_quoted(private)}",
        )
    if is_locked and (blob or given) not in _held_by_agents(ssh_config):
        raise KokunaiError(
            ja=f"SSH 秘密鍵 {private} はパスフレーズで保護されていて、ssh-agent に入っていません。"
            f"入れるには: ssh-add {_quoted(private)}",
            en=f"the SSH private key {private} has a passphrase and no ssh-agent holds it; "
            f"add it with: ssh-add {_quoted(private)}",
        )


def is_held(public_key: str, ssh_config: Path | None = None) -> bool:
    """Whether an agent that our ssh will ask holds the key."""
    blob = _blob_of(public_key)
    return blob is not None and blob in _held_by_agents(ssh_config)


def _read(private: Path) -> bytes:
    try:
        # Never opened where it is a pipe, which would wait.
        if private.exists() and not private.is_file():
            raise _no_file(private)
        with private.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise _missing(private, private.with_name(f"{private.name}.pub")) from None
    except PermissionError:
        raise _unusable(private, "読む権限がありません", "may not be read by this user") from None
    except (OSError, ValueError):
        raise _no_file(private) from None


def _parsed(private: Path, data: bytes) -> tuple[bytes | None, bool]:
    """The public half inside, where the form shows it, and whether a passphrase protects the key.

    Raises KokunaiError for what ssh cannot read.
    """
    if _BEGIN[:-1] in data:
        return _openssh(private, data)
    if b"-----BEGIN " in data and b"PRIVATE KEY-----" in data:
        return None, b"ENCRYPTED" in data
    if data.startswith(b"PuTTY-User-Key-File"):
        command = f"puttygen {_quoted(private)} -O private-openssh -o"
        raise _unusable(
            private,
            f"PuTTY の形式です。変換するには: {command} 新しいファイル名",
            f"has PuTTY's form; convert it: {command} NEW_FILE",
        )
    raise _unusable(private, "SSH 秘密鍵ではありません", "is no SSH private key")


def _openssh(private: Path, data: bytes) -> tuple[bytes | None, bool]:
    """Raises KokunaiError for what OpenSSH answers with "error in libcrypto" alone."""
    if b"\r" in data:
        command = f"sed -i 's/\\r$//' {_quoted(private)}"
        raise _unusable(
            private,
            f"改行が Windows の形式（CRLF）です。直すには: {command}",
            f"has Windows line ends (CRLF); fix it with: {command}",
        )
    if not data.startswith(_BEGIN) or _END not in data:
        raise _unusable(
            private,
            f"先頭か末尾が欠けています。{_BEGIN.decode().strip()} で始まり、"
            f"{_END.decode().strip()} と改行で終わる必要があります",
            f"lacks its beginning or its end; it must begin with {_BEGIN.decode().strip()} "
            f"and end with {_END.decode().strip()} and a line end",
        )
    try:
        body = base64.b64decode(data[len(_BEGIN) : data.index(_END)])
        cipher, rest = _string(body.removeprefix(_MAGIC))
        _, rest = _string(rest)
        _, rest = _string(rest)
        blob, _ = _string(rest[4:])
    except ValueError:
        raise _unusable(private, "壊れています", "is damaged") from None
    return blob, cipher != b"none"


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string of SSH's wire format, and what follows. Raises ValueError where it is cut."""
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 + size:
        raise ValueError
    return data[4 : 4 + size], data[4 + size :]


def _blob_of(public_key: str) -> bytes | None:
    try:
        return base64.b64decode(identity(public_key).partition(" ")[2], validate=True) or None
    except ValueError:
        return None


def _told_by_ssh_keygen(private: Path) -> bytes | None:
    """The public half of a key in another form; None where the program cannot tell."""
    return _blob_of(_said("ssh-keygen", "-y", "-P", "", "-f", str(private)))


def _held_by_agents(ssh_config: Path | None) -> set[bytes | None]:
    texts = [_said("ssh-add", "-L")]
    texts += [_said("ssh-add", "-L", agent=agent) for agent in _agents_of(ssh_config)]
    return {blob for text in texts for line in text.splitlines() if (blob := _blob_of(line))}


def _agents_of(ssh_config: Path | None) -> list[str]:
    """Sockets of agents that a configuration file of ssh names for any host."""
    try:
        text = ssh_config.read_text(encoding="utf-8") if ssh_config else ""
    except (OSError, ValueError):
        return []
    named = (found[1].strip().strip('"') for found in _IDENTITY_AGENT.finditer(text))
    return [_filled_in(name) for name in named if name not in {"none", "SSH_AUTH_SOCK"}]


def _filled_in(agent: str) -> str:
    """The path that ssh makes of it: home, user and the variables that our ssh is given."""
    home = os.environ.get("HOME", "~")
    for name in ("HOME", "SSH_AUTH_SOCK", "USER"):
        for form in (f"${{{name}}}", f"${name}"):
            agent = agent.replace(form, os.environ.get(name, ""))
    for mark, text in (("%d", home), ("%i", str(os.getuid())), ("%u", os.environ.get("USER", ""))):
        agent = agent.replace(mark, text)
    return os.path.expanduser(agent)  # noqa: PTH111 - as text, since ssh takes it as text


def _said(*command: str, agent: str = "") -> str:
    """What a program of OpenSSH prints; empty where it is missing or refuses."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        reply = subprocess.run(
            command,
            env={**os.environ, "SSH_AUTH_SOCK": agent} if agent else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return reply.stdout.decode(errors="replace") if reply.returncode == 0 else ""


def _missing(private: Path, public: Path) -> KokunaiError:
    """One half or both are missing; advice never writes over the half that is there."""
    if private.is_file():
        command = f"ssh-keygen -y -f {_quoted(private)} > {_quoted(public)}"
        return KokunaiError(
            ja=f"SSH 公開鍵 {public} がありません。秘密鍵から作るには: {command}",
            en=f"the SSH public key {public} is missing; make it from the private key: {command}",
        )
    if public.is_file():
        return KokunaiError(
            ja=f"SSH 秘密鍵 {private} がありません（.pub はあります）。そこに置くか、{AGENTS[0]}",
            en=f"the SSH private key {private} is missing (its .pub is there); put it there, "
            f"{AGENTS[1]}",
        )
    folder = "" if private.parent.is_dir() else f"mkdir -p -m 700 {_quoted(private.parent)} && "
    command = f"{folder}ssh-keygen -t ed25519 -N '' -f {_quoted(private)}"
    return KokunaiError(
        ja=f"SSH 秘密鍵 {private} がありません。作るには: {command}",
        en=f"the SSH private key {private} does not exist; make it with: {command}",
    )


def _no_public(private: Path, public: Path) -> KokunaiError:
    command = f"ssh-keygen -y -f {_quoted(private)}"
    return KokunaiError(
        ja=f"SSH 公開鍵 {public} は OpenSSH の公開鍵 1 行ではありません。"
        f"正しい内容を見るには: {command}",
        en=f"the SSH public key {public} is not one line of an OpenSSH public key; "
        f"to see what it should hold: {command}",
    )


def _unusable(private: Path, ja: str, en: str) -> KokunaiError:
    return KokunaiError(
        ja=f"SSH 秘密鍵 {private} は使えません: {ja}", en=f"the SSH private key {private} {en}"
    )


def _no_file(private: Path) -> KokunaiError:
    command = "ssh-keygen -t ed25519 -N ''"
    return _unusable(
        private,
        f"ファイルではありません。鍵のファイルを指定してください。新しい鍵を作るには: {command}",
        f"is no file; name the file of a key; to make a new one: {command}",
    )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
