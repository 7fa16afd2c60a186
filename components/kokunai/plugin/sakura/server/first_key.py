"""The host key by which a new server is recognised at the first login, before it has told its own.

A server makes its own host keys at its first boot, and the API shows none of them, so that whoever
answers first would be believed. Of what the API offers, only a startup script reaches the inside of
a server, and it can only bring a secret in; it cannot bring a public key out. So the script brings
an additional host key that the plugin knows beforehand, and the first login accepts no other.

That key has gone through the provider's API, hence it is worth little and lives for one purpose:

- Each server has another one. It is derived from a secret of the stack's state and the server's id,
  so that a create which was killed and is repeated finds the same key, and a server that is made
  anew never shows the key of its predecessor.
- A boot disk that is made anew for the same server gets another one, derived from that of the lost
  disk, so that the new system is not taken for the old one. A tag of the disk tells it apart.
- The note that carries it is removed from the account once the disk is written, before the server
  boots, and the script removes itself from the disk.
- It stands beside the host's own keys and replaces none of them. In the first run the host tells
  its own keys through the connection that this one has secured; from then on only those count,
  which were made on the host and never left it. Nothing has to be taken away from the host at a
  moment that a kill could miss.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

# No image makes a key of this curve by itself, and sshd shows one key of each kind.
_CURVE = ec.SECP384R1()
# The order of NIST P-384 (SEC 2, version 2.0, section 2.5.1).
_ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffff"
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)
PLACE = "/etc/ssh/ssh_host_kokunai_key"
"""Where the key lies on the server; SELinux knows files of such names as host keys."""


def public_key(seed: str, server_id: str) -> str:
    """The public key of a server as `known_hosts` has it, without the name of the host."""
    made = _key(seed, server_id).public_key()
    return made.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def mark_after(former: str) -> str:
    """What stands for the server's id once a boot disk is lost whose key was `former`."""
    return hashlib.sha256(f"after {former}".encode()).hexdigest()[:16] if former else ""


def script(seed: str, server_id: str) -> str:
    """The startup script that gives the server its key; it holds the private key."""
    key = _key(seed, server_id)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return _SCRIPT.format(place=PLACE, private=private.strip())


def _key(seed: str, server_id: str) -> ec.EllipticCurvePrivateKey:
    drawn = hmac.digest(seed.encode(), f"first host key of {server_id}".encode(), hashlib.sha512)
    # 128 bits more than the order has, so that every key is as likely as another.
    return ec.derive_private_key(int.from_bytes(drawn) % (_ORDER - 1) + 1, _CURVE)


# With one HostKey line sshd no longer looks for its own files by itself, so all are named.
_SCRIPT = """\
#!/bin/sh
# Kokunai: the host key by which this server is recognised at the first login.
umask 077
rm -f -- "$0"
ls /etc/ssh/ssh_host_*_key > /dev/null 2>&1 || ssh-keygen -A
cat > {place} <<'END'
{private}
END
printf 'HostKey %s\\n' /etc/ssh/ssh_host_*_key > /etc/ssh/sshd_config.d/30-kokunai.conf
command -v restorecon > /dev/null && restorecon {place}
# An sshd that is not up yet reads the file when it starts.
for attempt in 1 2 3 4 5; do
    systemctl reload ssh 2> /dev/null && break
    systemctl reload sshd 2> /dev/null && break
    kill -HUP "$(cat /run/sshd.pid)" 2> /dev/null && break
    sleep 1
done
exit 0
"""
