"""What writing a role's files costs: one bundle task, against a template task for each file."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

HOST_COUNT = 8
FILE_COUNT = 8
ROUNDS = 3
PLAYBOOKS = Path(__file__).parents[1] / "playbooks"
TEMPLATE = "{{ managed_header | default('# bench') }}\nnode = {{ inventory_hostname }}\n"
TARGET = "{{ playbook_dir }}/hosts/{{ inventory_hostname }}"


def write_plays(folder: Path) -> dict[str, Path]:
    """Two playbooks with the same files below a directory for each host; no host is needed."""
    names = [f"etc/bench-{number}.conf" for number in range(FILE_COUNT)]
    for name in names:
        template = folder / "templates" / f"{name}.j2"
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(TEMPLATE)
    bundle = {"root": f"{TARGET}/bundle", "files": [{"path": f"/{name}"} for name in names]}
    each = [
        {"ansible.builtin.template": {"src": f"{name}.j2", "dest": f"{TARGET}/each/{name}"}}
        for name in names
    ]
    return {
        "bundle": write_play(folder, "bundle", [{"file_bundle": bundle}]),
        "each": write_play(folder, "each", each),
    }


def write_play(folder: Path, name: str, tasks: list[dict]) -> Path:
    for number in range(HOST_COUNT):
        (folder / f"hosts/h{number}/{name}/etc").mkdir(parents=True)
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "tasks": tasks}
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump([play]))
    return path


def seconds_of(play: Path, *, forget: bool) -> tuple[float, float]:
    """Wall and CPU seconds of one run; `forget` removes what an earlier one wrote."""
    if forget:
        for file in play.parent.glob(f"hosts/*/{play.stem}/etc/*"):
            file.unlink()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    hosts = ",".join(f"h{number}" for number in range(HOST_COUNT))
    command = ["ansible-playbook", "-i", f"{hosts},", "-f", str(4 * (os.cpu_count() or 1)), play]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        **os.environ,
        "PATH": path,
        "ANSIBLE_LIBRARY": str(PLAYBOOKS / "library"),
        "ANSIBLE_ACTION_PLUGINS": str(PLAYBOOKS / "action_plugins"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }


def show(title: str, plays: dict[str, Path], *, forget: bool) -> None:
    """The best of the rounds, the two in turn, so that a slow moment hits both."""
    runs = [
        {name: seconds_of(play, forget=forget) for name, play in plays.items()}
        for _ in range(ROUNDS)
    ]
    best = {name: [min(run[name][at] for run in runs) for at in (0, 1)] for name in plays}
    wall, cpu = (best["each"][at] / best["bundle"][at] for at in (0, 1))
    print(
        f"{title}: bundle {best['bundle'][0]:.2f} s, a task for each file "
        f"{best['each'][0]:.2f} s; ratio {wall:.1f} wall, {cpu:.1f} CPU"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plays = write_plays(Path(folder))
        show("first run ", plays, forget=True)
        show("second run", plays, forget=False)
    print(f"({Path(__file__).name}, {HOST_COUNT} hosts, {FILE_COUNT} files, best of {ROUNDS})")


if __name__ == "__main__":
    main()
