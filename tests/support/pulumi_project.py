"""Projects for one test each, driven by the real engine: a plain one, and one with a lab."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from kokunai.airgap.engine import Engine
from support import ssh

ROOT = Path(__file__).parents[2]
KOKUNAI = Path(sys.executable).parent / "kokunai"
STACK = "e2e"
KEY = ".kokunai/ssh/id_ed25519"

ENVIRONMENT: dict[str, Any] = {
    "name": "e2e",
    "data_class": "internal",
    "lab": True,
    "access": {
        "private_key_file": KEY,
        "ssh_from": ["198.18.0.0/15"],
    },
    "networks": [{"name": "cluster", "site": "sakura-ishikari", "cidr": "192.168.10.0/24"}],
    "pools": [
        {
            "name": "train",
            "site": "sakura-ishikari",
            "gpu": "h100",
            "node_count": 1,
            "network": "cluster",
        }
    ],
}


def link_house(root: Path) -> None:
    """Put the checkout's package, playbooks, rules and environment into a project."""
    for name in ("components", "playbooks", "policies", ".venv"):
        (root / name).symlink_to(ROOT / name)


def make_key(root: Path) -> None:
    """Make the project's SSH key where its stack file says that it is."""
    key = root / KEY
    key.parent.mkdir(parents=True, mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)


def kokunai(
    folder: Path, *command: str, timeout: float = 420, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run our command in a folder; what it prints, errors too, is its `stdout`."""
    return subprocess.run(
        [KOKUNAI, *command],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
        **more,
    )


class PlainProject:
    """A folder with its own state and its own Pulumi home; `pulumi` is called as it stands."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.directory = directory / "project"
        self.directory.mkdir()
        (directory / "state").mkdir()
        self.environment = {
            **os.environ,
            **engine.environment(),
            "PULUMI_HOME": str(directory / "home"),
            "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
        }

    def write(self, name: str, content: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in its own process group and do not wait."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.directory,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ended(self, *arguments: str) -> tuple[int, str]:
        """Exit code and everything that was printed."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """What is printed by a command that ends with this code."""
        code, output = self.ended(*arguments)
        assert code == exit_code, output
        return output

    def up(self, *arguments: str, exit_code: int = 0) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, exit_code=exit_code)


class Sandbox:
    """`pulumi` runs in it as a user's would; `close` removes everything the test left."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reset_environment()
        self._lab_variables: dict[str, str] = {}
        link_house(root)
        shutil.copy(ROOT / "Pulumi.yaml", root)
        (root / "stacks").mkdir()
        shutil.copy(ROOT / "stacks/__main__.py", root / "stacks")
        make_key(root)
        self.config: dict[str, Any] = {}

    def reset_environment(self) -> None:
        """Go back to the environment that every test begins with."""
        self.environment = copy.deepcopy(ENVIRONMENT)

    @property
    def key(self) -> Path:
        """The stack's private SSH key."""
        return self.root / KEY

    @property
    def pool(self) -> dict[str, Any]:
        return self.environment["pools"][0]

    @property
    def stack_path(self) -> Path:
        return self.root / f"stacks/Pulumi.{STACK}.yaml"

    def write_stack(self) -> None:
        """Put the environment into the stack file, keeping what pulumi wrote there."""
        content = yaml.safe_load(self.stack_path.read_text()) if self.stack_path.exists() else {}
        content = content or {}
        content.setdefault("config", {}).update({"kokunai:environment": self.environment})
        self.stack_path.write_text(yaml.safe_dump(content, allow_unicode=True))

    def run(
        self, *command: str, check: bool = True, timeout: float = 420, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with the variables of `kokunai run`."""
        if command[0] == "lab" and command[1] != "env":
            self._lab_variables = {}
        ended = kokunai(self.root, *command, timeout=timeout, **more)
        if check:
            assert ended.returncode == 0, ended.stdout
        return ended

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in its own process group and do not wait; it writes to started.log."""
        with (self.root / "started.log").open("w") as log:
            return subprocess.Popen(
                [KOKUNAI, "run", "--", *command],
                cwd=self.root,
                text=True,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pulumi(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return self.run("run", "--", "pulumi", *arguments, "--stack", STACK, **more)

    def open(self) -> None:
        """Start the lab and make the stack."""
        self.run("lab", "up")
        self.write_stack()
        self.run("run", "--", "pulumi", "stack", "init", STACK)

    def up(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        self.write_stack()
        policies = ("--policy-pack", "policies")
        return self.pulumi("up", "--yes", "--skip-preview", *policies, *arguments, **more)

    def preview(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        self.write_stack()
        return self.pulumi("preview", "--policy-pack", "policies", *arguments, **more)

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json").stdout)

    def resources(self) -> list[dict[str, Any]]:
        state = json.loads(self.pulumi("stack", "export").stdout)
        return state["deployment"].get("resources", [])

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.resources() if one["type"] == f"kokunai:{kind}"]

    def steps(self, *arguments: str) -> dict[str, list[str]]:
        """Changed resources of a preview: operation -> sorted names."""
        reply = self.preview("--json", *arguments).stdout
        found: dict[str, list[str]] = {}
        for step in json.loads(reply[reply.index("{") :])["steps"]:
            if step["op"] not in {"same", "refresh"}:
                found.setdefault(step["op"], []).append(step["urn"].split("::", 2)[2])
        return {operation: sorted(names) for operation, names in found.items()}

    def lab_variables(self) -> dict[str, str]:
        """Address and credentials of the lab, asked once for as long as it is up."""
        if not self._lab_variables:
            self._lab_variables = json.loads(self.run("lab", "env", "--json").stdout)
        return self._lab_variables

    @property
    def lab_url(self) -> str:
        return self.lab_variables()["SAKURA_API_ROOT_URL"].split("/cloud/")[0]

    def lab(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the emulator's own endpoints."""
        request = urllib.request.Request(
            f"{self.lab_url}/_lab/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Call the emulated API as another client would."""
        import httpx

        variables = self.lab_variables()
        reply = httpx.request(
            method,
            f"{variables['SAKURA_API_ROOT_URL']}/is1a/api/cloud/1.1/{path}",
            auth=(variables["SAKURA_ACCESS_TOKEN"], variables["SAKURA_ACCESS_TOKEN_SECRET"]),
            headers={"X-Requested-With": "XMLHttpRequest"},
            json=body,
            timeout=30,
        )
        reply.raise_for_status()
        return reply.json()

    def ssh(self, node: str, command: str) -> str:
        """Output of a command on a node, over SSH with the stack's key."""
        nodes = {
            name: facts for pool in self.outputs()["nodes"].values() for name, facts in pool.items()
        }
        return ssh.output(self.key, nodes[node]["address"], command)

    def close(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.run("lab", "down", "--purge", check=False, timeout=120)


LISTS = (
    ("servers", "server", "Servers"),
    ("disks", "disk", "Disks"),
    ("switches", "switch", "Switches"),
)


def matches_state(sandbox: Sandbox) -> None:
    """The emulator holds exactly the servers, disks and switches of the state."""
    servers = sandbox.of_type("sakura:Server")
    switches = sandbox.of_type("sakura:Switch")
    held = {
        kind: [item["ID"] for item in sandbox.api(path)[key] if item.get("Scope") != "shared"]
        for kind, path, key in LISTS
    }
    assert sorted(held["servers"]) == sorted(server["outputs"]["serverId"] for server in servers)
    assert sorted(held["disks"]) == sorted(
        disk for server in servers for disk in server["outputs"]["diskIds"]
    )
    assert sorted(held["switches"]) == sorted(
        switch["id"].rpartition("/")[2] for switch in switches
    )


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Signal a whole process group we started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
