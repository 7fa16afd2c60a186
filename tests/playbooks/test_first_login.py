"""The first login of real hosts: one with the key that its startup script brought, one without."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kokunai.plugin.sakura.server import first_key

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("playbooks-on-hosts")]

SEED = "ab" * 32


def _until_the_script_has_run(lab, number: int) -> None:
    for _ in range(100):
        if "kokunai" in lab.ssh(number, "ls /etc/ssh/sshd_config.d"):
            return
        time.sleep(0.1)
    raise AssertionError("the startup script did not run")


async def test_a_host_without_the_key_that_its_server_was_given_is_told_nothing(
    lab, inputs_of, configure
):
    inputs = inputs_of(lab.addresses(1, 2), lab.key)
    script = first_key.script(SEED, inputs["hosts"][0]["serverId"])
    lab.machines.boot(replace(lab.machine(1), startup_scripts=(script,)))
    lab.boot(2)
    _until_the_script_has_run(lab, 1)
    for host in inputs["hosts"]:
        host["hostKey"] = first_key.public_key(SEED, host["serverId"])

    first, reasons = await configure(inputs)
    again, _ = await configure(inputs, {**first, "hostDigests": {}})

    # Host 2 answers at an address of the pool and does not have the key of that server.
    assert [reason.split(" ")[0] for reason in reasons] == ["node-2"]
    assert "nothing was sent to it" in reasons[0]
    assert first["results"]["node-2"]["status"] == "rekeyed"
    log = lab.ssh(2, "journalctl --unit ssh --no-pager | grep -c Accepted")
    assert log == "1"  # this very login of the test
    # From now on the host's own keys count, which it made itself.
    kinds = {line.split(" ")[1] for line in first["hostKeys"]["node-1"]}
    assert kinds == {"ssh-ed25519"}
    assert again["results"]["node-1"]["status"] == "ok"
    assert again["results"]["node-1"]["changed"] == 0
    assert again["hostKeys"]["node-1"] == first["hostKeys"]["node-1"]
    assert lab.ssh(1, "stat -c %a /etc/ssh/ssh_host_kokunai_key") == "600"
    assert lab.ssh(1, "ls /var/lib/kokunai-lab/startup") == ""
