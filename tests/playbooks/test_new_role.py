"""A new role is a folder, a function, a line in site.yml and a name in a platform's row."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from kokunai import playbooks, role_variables

SPEC = {
    "argument_specs": {
        "main": {
            "short_description": "A file with a number",
            "options": {
                "greeter_gpu_count": {"type": "int", "required": True, "description": "GPUs."},
                "greeter_folder": {"type": "path", "required": True, "description": "Where."},
            },
        }
    }
}
TASK = {
    "name": "Write what the role was told",
    "ansible.builtin.copy": {
        "content": "{{ greeter_gpu_count }} GPUs, systemd: {{ kokunai_host.systemd }}",
        "dest": "{{ greeter_folder }}/greeting",
        "mode": "0600",
    },
}


def _folder_with_the_role(folder: Path) -> Path:
    """A copy of the playbooks with the role, in which every other role fails where it runs."""
    shutil.copytree(playbooks.packaged(), folder)
    for tasks in folder.glob("roles/*/tasks/main.yml"):
        tasks.write_text("- name: Refuse\n  ansible.builtin.fail:\n    msg: not asked for\n")
    for place, content in {"meta/argument_specs.yml": SPEC, "tasks/main.yml": [TASK]}.items():
        (folder / "roles/greeter" / place).parent.mkdir(parents=True)
        (folder / "roles/greeter" / place).write_text(yaml.safe_dump(content))
    with (folder / "site.yml").open("a") as site:
        site.write("    - role: greeter\n      when: \"'greeter' in kokunai_roles\"\n")
    return folder


@pytest.fixture
def inputs(inputs_of, facts, key: Path, tmp_path: Path, monkeypatch):
    """This machine as the only host of a pool whose platform names the new role alone."""

    def greeter(of_pool: role_variables.PoolFacts):
        return {"greeter_gpu_count": of_pool.gpu_count, "greeter_folder": str(tmp_path)}

    monkeypatch.setitem(role_variables.ROLES, "greeter", greeter)
    platform = facts.platform.model_copy(update={"roles": ("greeter",)})
    made = inputs_of({"node-1": "127.0.0.1"}, key, platform=platform, gpu_count=4)
    made["hosts"][0]["variables"] |= {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    return made


async def test_a_new_role_runs_with_its_variables_and_the_others_do_not(
    inputs, configure, operation, tmp_path: Path
):
    operation.config["playbooksDirectory"] = str(_folder_with_the_role(tmp_path / "playbooks"))

    outputs, reasons = await configure(inputs)

    assert reasons == []
    assert outputs["results"]["node-1"]["changed"] == 1
    assert (tmp_path / "greeting").read_text() == "4 GPUs, systemd: " + str(_has_systemd())
    # Skipped tasks count, too: the last task that began is the last one there is.
    done, total = re.findall(r"pool train: (\d+)/(\d+) tasks", operation.statuses[-1])[0]
    assert done == total


def _has_systemd() -> bool:
    return Path("/run/systemd/system").exists()
