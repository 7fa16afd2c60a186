"""Debian's own Slurm on loopback: controller, two nodes, munge and an sshd as its login node.

The packages are unpacked, not installed. Everything runs in a mount and a process namespace of its
own, whose /etc/passwd has one more user, and ends together with it. The GPUs are simulated.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins"),
    *("munge", "libmunge2", "libhwloc15", "liblua5.1-0", "openssh-server", "libwrap0"),
)
USER, UID = "researcher", 61234
_PATIENCE_SECONDS = 60
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def unpacked() -> Path:
    """The packages' files, kept between runs by Slurm's version; skips where apt has none."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("Slurm needs root and Debian's packages")
    shown = _said("apt-cache", "policy", "slurmctld")
    version = next((line.split()[-1] for line in shown.splitlines() if "Candidate" in line), "")
    if not version[:1].isdigit():
        pytest.skip("apt offers no slurmctld")
    kept = Path.home() / ".cache/kokunai/slurm" / version
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as draft:
            _unpack(Path(draft))
            with contextlib.suppress(FileExistsError, OSError):
                (Path(draft) / "root").rename(kept)
    return kept


def _unpack(draft: Path) -> None:
    got = subprocess.run(
        ["apt-get", "download", *PACKAGES], cwd=draft, capture_output=True, text=True, check=False
    )
    if got.returncode:
        pytest.skip(f"Slurm's packages cannot be downloaded: {got.stderr.strip()[-200:]}")
    for package in sorted(draft.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, draft / "root"], check=True)
    for name in ("slurmctld", "slurmd", "slurmstepd"):
        # The daemons read the GPUs of a node only under these names of theirs.
        (draft / "root/usr/sbin" / name).symlink_to(f"{name}-wlm")


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@dataclass
class Cluster:
    """A running Slurm with its login node."""

    base: Path
    port: int

    @property
    def host_key(self) -> str:
        return " ".join((self.base / "host_key.pub").read_text().split()[:2])

    @property
    def key_file(self) -> Path:
        return self.base / "id"

    def show_gpus(self, *names: str) -> None:
        """What nvidia-smi of every node lists from now on."""
        (self.base / "gpus").write_text("".join(f"{name}\n" for name in names))

    def run(self, command: str) -> str:
        """As the user on the login node."""
        words = ["ssh", "-F", "none", "-i", self.key_file, "-p", str(self.port)]
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        words += ["-o", "LogLevel=ERROR", f"{USER}@127.0.0.1", f"sh -lc '{command}'"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[str]:
        """`1 COMPLETED` and so on; the first line is the greeting."""
        return self.run('squeue --states=all --noheader --format="%i %T"').splitlines()[1:]


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A cluster of two nodes with eight GPUs each, n1 and n2, in the partition `gpu`."""
    root = unpacked()
    base = Path(tempfile.mkdtemp(prefix="kokunai-slurm-", dir="/tmp"))
    try:
        cluster = Cluster(base, _free_ports(1)[0])
        _prepare(base, cluster.port)
        with (base / "log").open("wb") as log:
            started = subprocess.Popen(
                [*_APART, "sh", "-e", base / "start.sh", root],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _wait(cluster, started)
            yield cluster
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(cluster: Cluster, started: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and started.poll() is None:
        with contextlib.suppress(subprocess.CalledProcessError):
            if "idle" in cluster.run("sinfo --noheader --states=idle --format=%T"):
                return
        time.sleep(0.2)
    pytest.fail(f"Slurm did not start:\n{(cluster.base / 'log').read_text()[-3000:]}")


def _prepare(base: Path, port: int) -> None:
    base.chmod(0o755)
    for folder in ("home", "munge", "root", "state", "spool", "bin"):
        (base / folder).mkdir()
    os.chown(base / "home", UID, UID)
    users = Path("/etc/passwd").read_text()
    users += f"{USER}:x:{UID}:{UID}::{base}/home:/bin/sh\n"
    users += "" if "\nsshd:" in users else "sshd:x:61235:65534::/run/sshd:/usr/sbin/nologin\n"
    (base / "passwd").write_text(users)
    (base / "group").write_text(f"{Path('/etc/group').read_text()}{USER}:x:{UID}:\n")
    (base / "munge/key").write_bytes(os.urandom(1024))
    (base / "munge/key").chmod(0o400)
    for name in ("host_key", "id"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", base / name], check=True
        )
    ports = _free_ports(3)
    texts = {"slurm.conf": _SLURM, "sshd_config": _SSHD, "start.sh": _START, "gres.conf": _GRES}
    texts |= {"home/.profile": _PROFILE, "bin/nvidia-smi": _NVIDIA_SMI}
    for name, text in texts.items():
        filled = text.replace("BASE", str(base)).replace("SSHD_PORT", str(port))
        for number, one in enumerate(ports):
            filled = filled.replace(f"PORT{number}", str(one))
        (base / name).write_text(filled.replace("HOSTNAME", socket.gethostname()))
    (base / "bin/nvidia-smi").chmod(0o755)


_SLURM = """\
ClusterName=lab
SlurmctldHost=HOSTNAME(127.0.0.1)
SlurmctldPort=PORT0
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=BASE/munge/socket
CredType=cred/munge
PluginDir=BASE/root/usr/lib/x86_64-linux-gnu/slurm-wlm
StateSaveLocation=BASE/state
SlurmdSpoolDir=BASE/spool/%n
SlurmctldPidFile=BASE/slurmctld.pid
SlurmdPidFile=BASE/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
MpiDefault=none
ReturnToService=2
KillWait=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
NodeName=DEFAULT CPUs=2 RealMemory=200 Gres=gpu:b200:8
NodeName=n1 NodeHostname=HOSTNAME NodeAddr=127.0.0.1 Port=PORT1
NodeName=n2 NodeHostname=HOSTNAME NodeAddr=127.0.0.1 Port=PORT2
PartitionName=gpu Nodes=ALL Default=YES MaxTime=60 State=UP
"""
_GRES = "Name=gpu Type=b200 File=BASE/gpu[0-7]\n"
_SSHD = """\
Port SSHD_PORT
ListenAddress 127.0.0.1
HostKey BASE/host_key
AuthorizedKeysFile BASE/id.pub
StrictModes no
UsePAM no
PasswordAuthentication no
LogLevel ERROR
PidFile none
"""
_PROFILE = """\
export PATH=BASE/bin:BASE/root/usr/bin:$PATH SLURM_CONF=BASE/slurm.conf
libraries=BASE/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm
export SQUEUE_FORMAT=%Z
echo "Welcome to the cluster"
"""
_NVIDIA_SMI = "#!/bin/sh\n# Simulated.\nexec cat BASE/gpus\n"
_START = """\
# Its argument is the folder of the unpacked packages.
mount --make-rprivate /
mount --bind "$1" BASE/root
mount --bind BASE/passwd /etc/passwd
mount --bind BASE/group /etc/group
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
for number in 0 1 2 3 4 5 6 7; do mknod -m 666 "BASE/gpu$number" c 1 3; done
. BASE/home/.profile
PATH=BASE/root/usr/sbin:$PATH
munged --force --key-file=BASE/munge/key --socket=BASE/munge/socket \\
  --pid-file=BASE/munge/pid --log-file=BASE/munge/log --seed-file=BASE/munge/seed
slurmctld -D &
for node in n1 n2; do slurmd -D -N "$node" -d BASE/root/usr/sbin/slurmstepd & done
exec BASE/root/usr/sbin/sshd -D -e -f BASE/sshd_config
"""
