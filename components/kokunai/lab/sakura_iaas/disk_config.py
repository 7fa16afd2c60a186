"""Applies a disk configuration: keys, password, host name, address and scripts for the guest."""

from __future__ import annotations

import ctypes
import secrets
import string
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, keys, scripts
from kokunai.lab.sakura_iaas.errors import ApiError, refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Call
    from kokunai.lab.store import Doc

_PASSWORD_LENGTHS = range(8, 129)
_SALT_LETTERS = string.ascii_letters + string.digits + "./"
_CRYPT_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")


def apply(call: Call, disk: Doc, body: fields.Body) -> None:
    """Store the settings that the body names; others stay as they are."""
    config: dict[str, Any] = disk["config"]
    _apply_logins(call, config, body)
    _apply_network(config, body)
    if fields.flag(body, "ChangePartitionUUID"):
        config["partition_uuid"] = str(uuid.uuid4())
    if body.get("HostName"):
        config["host_name"] = fields.text(body, "HostName", length=64)
    if body.get("Notes"):
        config["startup_scripts"] = [_script(call, note) for note in fields.listing(body, "Notes")]
    if not disk["source_archive_id"]:
        refuse("unknown_os_type", disk["id"])
    _show_on_server(call, disk["server_id"], config)


def _apply_logins(call: Call, config: dict[str, Any], body: fields.Body) -> None:
    if body.get("Password"):
        config["password_hash"] = _hashed(body["Password"])
    if body.get("SSHKey") or body.get("SSHKeys"):
        config["ssh_public_keys"] = _public_keys(call, body)
    if "DisablePWAuth" in body:
        config["key_login_only"] = fields.flag(body, "DisablePWAuth")


def _apply_network(config: dict[str, Any], body: fields.Body) -> None:
    if "UserIPAddress" in body:
        config["user_ip_address"] = fields.address(body["UserIPAddress"], "UserIPAddress")
    if body.get("UserSubnet"):
        config["user_subnet"] = fields.subnet(body)
    if "EnableDHCP" in body:
        config["enable_dhcp"] = fields.flag(body, "EnableDHCP")


def _hashed(password: Any) -> str:
    """The crypt(3) hash of a password; the password itself is never stored."""
    if not isinstance(password, str) or len(password) not in _PASSWORD_LENGTHS:
        refuse("invalid_range", "Password: 8-128")
    return _crypt(password)


def _crypt(password: str) -> str:
    """SHA-512 crypt by libcrypt, else by openssl, which gets the password on standard input."""
    salt = "".join(secrets.choice(_SALT_LETTERS) for _ in range(16))
    for name in _CRYPT_LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt.restype = ctypes.c_char_p
        result: bytes | None = library.crypt(password.encode(), f"$6${salt}".encode())
        if result and result.startswith(b"$6$"):
            return result.decode()
    return _by_openssl(password)


def _by_openssl(password: str) -> str:
    command = ["openssl", "passwd", "-6", "-stdin"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _public_keys(call: Call, body: fields.Body) -> list[str]:
    entries = [*fields.listing(body, "SSHKeys")]
    if body.get("SSHKey"):
        entries.insert(0, body["SSHKey"])
    return [_public_key(call, entry) for entry in entries]


def _public_key(call: Call, entry: Any) -> str:
    if not isinstance(entry, dict):
        refuse("invalid_format", "SSHKeys")
    key_id = fields.identifier(entry.get("ID"))
    if key_id:
        return str(call.body_document("sshkey", key_id)["public_key"])
    public_key = str(entry.get("PublicKey") or "").strip()
    keys.fingerprint_of(public_key)
    return public_key


def _script(call: Call, entry: Any) -> str:
    note_id = fields.identifier(entry.get("ID")) if isinstance(entry, dict) else ""
    if not note_id:
        refuse("missing_param", "Notes.ID")
    if entry.get("APIKey"):
        refuse_as_absent("スタートアップスクリプトの API キー", "API keys for scripts")
    try:
        content = str(keys.note_named(call, note_id)["content"])
    except ApiError:
        refuse("param_res_not_found", f"note {note_id}")
    return scripts.filled(content, entry.get("Variables"))


def _show_on_server(call: Call, server_id: str, config: dict[str, Any]) -> None:
    """Show the configured address and host name at the server and its first interface."""
    server = call.store.get("server", server_id) if server_id else None
    if server is None:
        return
    if config.get("host_name"):
        server["host_name"] = config["host_name"]
        call.save("server", server)
    first = next(iter(call.store.of_server("interface", server_id)), None)
    if first and first["switch_id"] not in (None, "shared") and config.get("user_ip_address"):
        first["user_ip_address"] = config["user_ip_address"]
        first["user_subnet"] = config.get("user_subnet")
        call.save("interface", first)
