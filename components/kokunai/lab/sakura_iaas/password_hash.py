"""crypt(3) of a password, so that the lab never keeps the password itself."""

from __future__ import annotations

import ctypes
import secrets
import string
import subprocess

_SALT_LETTERS = string.ascii_letters + string.digits + "./"
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")


def hash_password(password: str) -> str:
    """SHA-512 crypt, by the system's libcrypt or by openssl reading standard input."""
    salt = "".join(secrets.choice(_SALT_LETTERS) for _ in range(16))
    for name in _LIBRARIES:
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
