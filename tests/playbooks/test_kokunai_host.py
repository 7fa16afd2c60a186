"""What the roles are told of a host before they change it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "playbooks/library/kokunai_host.py"
_SPEC = importlib.util.spec_from_file_location("kokunai_host", MODULE)
module = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(module)


@pytest.mark.parametrize(
    ("present", "said"),
    [
        ([], {"simulated": False, "systemd": False}),
        (["etc/kokunai-simulation"], {"simulated": True, "systemd": False}),
        (["run/systemd/system"], {"simulated": False, "systemd": True}),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_host_is_seen_as_what_it_is(tmp_path: Path, present, said, check):
    for path in present:
        (tmp_path / path).mkdir(parents=True)
    arguments = {"root": str(tmp_path), "_ansible_check_mode": check}

    ended = subprocess.run(
        [sys.executable, MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(ended.stdout)
    assert {name: result[name] for name in ("simulated", "systemd")} == said
    assert result["changed"] is False


def _key(folder: Path, name: str) -> str:
    """A new key; its public half as known_hosts has it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return " ".join(file.with_suffix(".pub").read_text().split()[:2])


def test_only_keys_that_sshd_serves_are_told(tmp_path: Path, monkeypatch):
    elsewhere = _key(tmp_path / "srv/ssh", "key")
    _key(tmp_path / "etc/ssh", "ssh_host_ed25519_key")
    # What a golden image left: a public key alone, and one whose private half is another.
    (tmp_path / "srv/ssh/key.pub").write_text("ssh-ed25519 AAAAstale root@image\n")
    (tmp_path / "etc/ssh/ssh_host_rsa_key.pub").write_text("ssh-rsa AAAAstale root@image\n")
    _key(tmp_path / "etc/ssh", module.GIVEN)
    served = ["/srv/ssh/key", "/etc/ssh/ssh_host_rsa_key", f"/etc/ssh/{module.GIVEN}", "none"]
    settings = "port 22\n" + "".join(f"hostkey {path}\n" for path in served)
    really = module._said

    def said(*command: str) -> str:
        return settings if command[0].endswith("sshd") else really(*command)

    monkeypatch.setattr(module, "_said", said)

    assert module.host_keys(tmp_path) == [elsewhere]


def test_where_sshd_says_nothing_no_key_is_told(tmp_path: Path, monkeypatch):
    _key(tmp_path / "etc/ssh", "ssh_host_ed25519_key")
    monkeypatch.setattr(module, "_said", lambda *_: "")

    assert module.host_keys(tmp_path) == []
