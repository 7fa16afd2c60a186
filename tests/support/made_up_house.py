"""A copy of the house with the made-up seller in it, a project and an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from support.pulumi_project import ROOT, make_key

SELLER = Path(__file__).parents[1] / "data/made_up_seller"
HOUSE = ("components", "playbooks", "policies")
STACK = "acme"
# File, the line after which one is put in, and that line.
REGISTRY_LINES = (
    ("capacity/__init__.py", "DOORS = {", '    "acme": "kokunai.capacity.acme",'),
    ("plugin/registry.py", "MODULES = (", "    acme,"),
    (
        "plugin/registry.py",
        "from kokunai.plugin.sakura.module import sakura",
        "from kokunai.plugin.acme.module import acme",
    ),
    ("lab/emulators.py", "_BUILT_IN = (", '    "kokunai.lab.acme:EMULATOR",'),
)


class House:
    """A copy of the house with the made-up seller in it, a project and a lab of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in HOUSE:
            skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / folder, root / folder, symlinks=True, ignore=skipped)
        shutil.copytree(SELLER, root, dirs_exist_ok=True)
        for file, after, line in REGISTRY_LINES:
            path = root / "components/kokunai" / file
            text = path.read_text()
            assert text.count(after) == 1
            path.write_text(text.replace(after, f"{after}\n{line}"))
        self._make_environment()
        self._make_project()

    def _make_environment(self) -> None:
        """The packages of the running environment, but this copy of the house."""
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=self.root, check=True
        )
        [packages] = (self.root / ".venv/lib").glob("python*/site-packages")
        running = [entry for entry in sys.path if entry.endswith("-packages")]
        places = (self.root / "components", self.root / "policies", *running)
        (packages / "house.pth").write_text("".join(f"{place}\n" for place in places))

    def _make_project(self) -> None:
        (self.root / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        make_key(self.root)
        (self.root / "stacks").mkdir()
        access = {"private_key_file": ".kokunai/ssh/id_ed25519", "ssh_from": ["198.18.0.0/15"]}
        settings = {"name": "demo", "data_class": "internal", "lab": True, "access": access}
        stack = {"config": {"kokunai:settings": settings}}
        (self.root / f"stacks/Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(stack))

    def pytest(self, file: str) -> str:
        """Output of a test file of this copy, with the helpers that all tests have."""
        for folder in ("tests/support", "tests/capacity"):
            shutil.copytree(ROOT / folder, self.root / folder, dirs_exist_ok=True)
        for name in ("pyproject.toml", "tests/conftest.py"):
            shutil.copy(ROOT / name, self.root / name)
        return self._run("-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", file)

    def kokunai(self, *arguments: str, check: bool = True) -> str:
        """Output of the command of this copy."""
        start = "from kokunai.cli import main; main()"
        return self._run("-c", start, *arguments, check=check)

    def _run(self, *arguments: str, check: bool = True) -> str:
        ended = subprocess.run(
            [self.root / ".venv/bin/python", *arguments],
            cwd=self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0 or not check, ended.stdout
        return ended.stdout

    def pulumi(self, verb: str, *arguments: str, check: bool = True) -> str:
        return self.kokunai("run", "--", "pulumi", verb, "--stack", STACK, *arguments, check=check)

    def write(self, program: str) -> None:
        (self.root / "stacks/__main__.py").write_text(program)

    def machines(self) -> list[dict[str, Any]]:
        """What Acme has, asked as another client would."""
        variables = json.loads(self.kokunai("lab", "env", "--json"))
        reply = httpx.get(
            f"{variables['ACME_API_URL']}/machines",
            headers={"Authorization": f"Bearer {variables['ACME_API_KEY']}"},
        )
        return reply.raise_for_status().json()
