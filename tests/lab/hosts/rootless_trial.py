"""Run by an ordinary user: boots a host in namespaces of its own and prints what it saw as JSON."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

from kokunai.errors import KokunaiError
from kokunai.lab import hosts
from kokunai.lab.machines import FilterRule, Gpu, Machine, NfsAppliance, Nic
from kokunai.lab.places import Places

SWITCH = "500000000001"
GPU = Gpu("nvidia_h100_80gbvram", "NVIDIA H100 80GB HBM3", "10de", "2330", "0302", 2)
FLAGS = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3"


def outside(places):
    """What the user sees before going in, then the trial itself inside, then whether it is over."""
    seen = {"kinds": {kind: possible for kind, possible, _ in hosts.probe()}}
    try:
        hosts.choose(places)
    except KokunaiError as error:
        seen["refusal"] = str(error)
    command = [*hosts.inside(places), sys.executable, __file__, str(places.directory), "inside"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seen["error"] = done.stderr
    seen["inside"] = json.loads(done.stdout or "{}")
    seen["before"] = bool(processes_of(places))
    hosts.tear_down(places)
    seen["after"] = processes_of(places)
    return seen


def processes_of(places):
    """Command lines of what carries the lab's id in its environment."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if places.lab_id.encode() in (directory / "environ").read_bytes():
                found.append((directory / "cmdline").read_bytes().decode())
    return found


def inside(places):
    machines = hosts.choose(places)
    key = places.directory / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    address = str(places.shared_network[11])
    nics = (
        Nic("300000000001", "02:00:00:00:00:01", "shared", address, 24, places.gateway),
        Nic("400000000001", "", SWITCH, "192.168.10.1"),
    )
    keys = (key.with_suffix(".pub").read_text(),)
    machine = Machine("100000000001", "200000000001", "node-1", nics, keys, gpu=GPU)

    def on(command):
        target = [*FLAGS.split(), "-i", key, f"root@{address}"]
        done = subprocess.run(
            ["ssh", *target, command], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr}"

    machines.boot(machine)
    machines.ensure_nfs(NfsAppliance("600000000001", SWITCH, "192.168.10.9", 24, 100))
    seen = {
        "kind": machines.kind,
        "name": on("hostname"),
        "gpus": on("lspci -n | grep -c 10de:2330"),
        "share": on("mount -t nfs 192.168.10.9:/export /mnt && echo shared > /mnt/f && cat /mnt/f"),
        "owners": on("touch /root/f && chown 33:33 /root/f && stat -c %u /root/f"),
    }
    machines.power_off(machine.server_id, force=False)
    machines.boot(machine)
    seen["kept"] = on("stat -c %u /root/f")
    machines.set_filter(machine.server_id, "300000000001", (FilterRule("ip", "deny"),))
    seen["filtered"] = on("true")
    machines.tear_down()
    seen["running"] = sorted(machines.running())
    machines.remove_disk(machine.disk_id)
    machines.boot(machine)  # what is still on when the user tears down from outside
    return seen


if __name__ == "__main__":
    trial = inside if sys.argv[2:] else outside
    print(json.dumps(trial(Places(Path(sys.argv[1])))))
