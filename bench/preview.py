"""What a preview of many nodes costs beside the bare engine: python bench/preview.py [NODES ...].

The floor is a program that declares as many bare `sakura:Server` resources of our own plugin and
nothing else: the engine, the language host and the plugin at work. Beside it in the same run: a
stack file with five node pools, without and with the policy pack. The lab runs without hosts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
KOKUNAI = Path(sys.executable).parent / "kokunai"
STACK = "bench"
POOLS = 5
LIMITS = {"components": 1.5, "with pack": 2.0}
FLOOR = """
import os
from kokunai import resources

labels = {"data-class": "internal"}
plan = {"cpuCount": 24, "memoryGib": 240, "gpuCount": 1, "gpuModel": "nvidia_h100_80gbvram"}
disk = {"sizeGib": 100, "plan": "ssd", "image": "Debian GNU/Linux 12 (bookworm) 64bit"}
endpoint = {"sakuraApiRootUrl": os.environ["SAKURA_API_ROOT_URL"]}
options = resources.pulumi.ResourceOptions(provider=resources.Provider("bench", endpoint))
for number in range(NODES):
    name = f"bench-{number}"
    where = {"zone": "is1a", "site": "sakura-ishikari", "labels": labels}
    nics = [{"switchId": "shared"}]
    props = {"name": name, **where, "plan": plan, "disks": [disk], "nics": nics}
    resources.Server(name, props, options)
"""


class Project:
    """A project of its own with its own lab, removed at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("components", "playbooks", "policies", ".venv"):
            (root / name).symlink_to(ROOT / name)
        shutil.copy(ROOT / "Pulumi.yaml", root)
        (root / "stacks").mkdir()
        key = root / ".kokunai/ssh/id_ed25519"
        key.parent.mkdir(parents=True, mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)

    def run(self, *command: str) -> str:
        """Output of `kokunai` in the project."""
        ended = subprocess.run(
            [KOKUNAI, *command],
            cwd=self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if ended.returncode:
            sys.exit(ended.stdout[-4000:])
        return ended.stdout

    def seconds(self, program: str, nodes: int, *arguments: str) -> float:
        """How long one preview of this program takes."""
        (self.root / "stacks/__main__.py").write_text(program)
        stack_file = {"config": {"kokunai:environment": _environment(nodes)}}
        path = self.root / f"stacks/Pulumi.{STACK}.yaml"
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        salt = {key: value for key, value in kept.items() if key == "encryptionsalt"}
        path.write_text(yaml.safe_dump({**salt, **stack_file}))
        begun = time.monotonic()
        said = self.run("run", "--", "pulumi", "preview", "--stack", STACK, "--json", *arguments)
        taken = time.monotonic() - begun
        declared = said.count('"kokunai:sakura:Server"') or said.count("sakura:Server::")
        assert declared >= nodes, said[-2000:]
        return taken


def _environment(nodes: int) -> dict[str, object]:
    """Five pools of equal size on one network."""
    size = nodes // POOLS
    network = {"name": "cluster", "site": "sakura-ishikari", "cidr": "10.10.0.0/20"}
    pools = [
        {
            "name": f"pool{number}",
            "site": "sakura-ishikari",
            "gpu": "h100",
            "node_count": size,
            "network": "cluster",
            "first_host": 11 + number * size,
        }
        for number in range(POOLS)
    ]
    access = {"private_key_file": ".kokunai/ssh/id_ed25519", "ssh_from": ["198.18.0.0/15"]}
    return {
        "name": STACK,
        "data_class": "internal",
        "lab": True,
        "access": access,
        "networks": [network],
        "pools": pools,
    }


def measure(project: Project, nodes: int) -> dict[str, float]:
    """Seconds of the floor, of the components, and of the components with the pack."""
    components = (ROOT / "stacks/__main__.py").read_text()
    return {
        "floor": project.seconds(FLOOR.replace("NODES", str(nodes)), nodes),
        "components": project.seconds(components, nodes),
        "with pack": project.seconds(components, nodes, "--policy-pack", "policies"),
    }


def show(measured: dict[int, dict[str, float]]) -> None:
    """Seconds and ratios as a table, and the ratios as bars."""
    print(f"{'nodes':>6} {'floor':>8} {'components':>11} {'with pack':>10}   ratios to the floor")
    for nodes, taken in measured.items():
        floor = taken["floor"]
        ratios = {name: taken[name] / floor for name in LIMITS}
        shown = "  ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
        row = f"{floor:>8.1f} {taken['components']:>11.1f} {taken['with pack']:>10.1f}"
        print(f"{nodes:>6} {row}   {shown}")
        for name, ratio in ratios.items():
            mark = "within" if ratio <= LIMITS[name] else "ABOVE"
            bar = "█" * round(ratio * 20)
            print(f"{'':>6} {name:<10} {bar} {ratio:.2f}, {mark} {LIMITS[name]}")


def main() -> None:
    """Measure each number of nodes once and print the comparison."""
    sizes = [int(text) for text in sys.argv[1:]] or [10, 100, 1000]
    with tempfile.TemporaryDirectory(prefix="kokunai-bench-") as folder:
        project = Project(Path(folder))
        try:
            project.run("lab", "up", "--hosts", "none")
            project.run("run", "--", "pulumi", "stack", "init", STACK)
            measured = {nodes: measure(project, nodes) for nodes in sizes}
        finally:
            project.run("lab", "down", "--purge")
    show(measured)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
