"""Programs, plugins and policy packs run by the real engine through our language host."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from airgap_processes import ends_within, wait_for_text, wait_until

from kokunai.airgap.engine import Engine
from support.pulumi_project import PlainProject

pytestmark = pytest.mark.e2e

_PROGRAM = """
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, properties):
        super().__init__("tiny:x:Thing", name, {**properties, "made": None})

config = pulumi.Config()
thing = Thing("one", {"word": config.get("word") or "good"})
pulumi.export("word", thing.id)
pulumi.export("hidden", config.get_secret("hidden"))
"""

_PLUGIN = """
import asyncio, os, sys
from pulumi.provider.experimental import provider as p
from pulumi.provider.experimental.server import main

class Tiny(p.Provider):
    async def check_config(self, request):
        return p.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request):
        return p.ConfigureResponse()

    async def check(self, request):
        return p.CheckResponse(inputs=request.new_inputs)

    async def create(self, request):
        if not request.preview:
            open("creating", "w").write(f"{os.getpid()} {os.getppid()}\\n")
            await asyncio.sleep(float(os.environ.get("CREATE_SECONDS", "0")))
        return p.CreateResponse("id-of-" + request.name, request.properties)

    async def diff(self, request):
        old, new = request.old_state["word"].value, request.new_inputs["word"].value
        return p.DiffResponse(changes=old != new)

    async def update(self, request):
        return p.UpdateResponse(request.news)

    async def delete(self, request):
        pass

main(sys.argv[1:], "0.1.0", Tiny())
"""

_PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.props.get("word") == "bad":
        report(f"a bad word in {pulumi.get_project()}/{pulumi.get_stack()}")

rules = [ResourceValidationPolicy("words", "Words are good.", check)]
PolicyPack("pack", rules, enforcement_level=EnforcementLevel.MANDATORY)
"""


class Tiny(PlainProject):
    """A project with one stack, and a program, a plugin and a pack that are as small as can be."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        super().__init__(directory, engine)
        settings = {
            "name": "tiny",
            "runtime": "python",
            "plugins": {"providers": [{"name": "tiny", "path": "./plugin"}]},
        }
        self.write("Pulumi.yaml", json.dumps(settings))
        self.write("__main__.py", _PROGRAM)
        self.write("plugin/PulumiPlugin.yaml", "runtime: python\n")
        self.write("plugin/__main__.py", _PLUGIN)
        self.write("pack/PulumiPolicy.yaml", "runtime: python\nversion: 0.1.0\n")
        self.write("pack/__main__.py", _PACK)
        self.run("stack", "init", "dev")

    def start_creating(self) -> tuple[subprocess.Popen[str], int, int]:
        """Start an update whose plugin takes its time; return it, the plugin and the host."""
        run = self.start("up", "--yes", "--skip-preview", CREATE_SECONDS="60")
        plugin, host = wait_for_text(self.directory / "creating").split()
        return run, int(plugin), int(host)


@pytest.fixture
def tiny(tmp_path, engine) -> Tiny:
    return Tiny(tmp_path, engine)


def test_a_program_and_its_plugin_run_and_a_second_update_changes_nothing(tiny):
    tiny.run("config", "set", "--secret", "hidden", "hush")

    tiny.up()
    second = tiny.up("--expect-no-changes")

    assert json.loads(tiny.run("stack", "output", "--json"))["word"] == "id-of-one"
    assert "2 unchanged" in second
    assert "hush" not in second
    assert "hush" not in tiny.run("stack", "export")


def test_an_update_without_changes_takes_about_a_second(tiny):
    tiny.up()

    def seconds() -> float:
        start = time.monotonic()
        tiny.up()
        return time.monotonic() - start

    # About 1.1 s on an idle machine; a host deaf to the SIGINT of the engine costs 10 s more every
    # time, other work on the machine only now and then.
    assert any(seconds() < 10 for _ in range(3))


def test_an_update_does_not_wait_for_what_its_program_left_behind(tiny):
    tiny.write("__main__.py", "import subprocess\nsubprocess.Popen(['sleep', '60'])\n")

    start = time.monotonic()
    tiny.up()

    assert time.monotonic() - start < 30


def test_an_engine_attaches_to_a_host_that_was_started_by_hand(tiny, waiting_host):
    tiny.environment["PULUMI_DEBUG_LANGUAGES"] = f"python:{waiting_host.port}"
    tiny.write("__main__.py", "import pulumi\npulumi.log.info('the engine was told')\n")

    output = tiny.up()

    assert "the engine was told" in output


def test_a_policy_pack_that_knows_the_stack_refuses_in_preview(tiny):
    tiny.up("--policy-pack", "pack")
    tiny.run("config", "set", "word", "bad")

    refusal = tiny.run("preview", "--policy-pack", "pack", exit_code=1)

    assert "a bad word in tiny/dev" in refusal


def test_a_mistake_of_the_user_is_one_sentence(tiny):
    tiny.write("__main__.py", "import pulumi\nraise pulumi.RunError('the stack file is empty')\n")

    output = tiny.up(exit_code=1)

    assert output.rpartition("Diagnostics:")[2].count("the stack file is empty") == 1
    assert "Traceback" not in output
    assert "exit code" not in output


def test_a_bug_shows_its_traceback_from_the_programs_first_line_on(tiny):
    tiny.write("__main__.py", "import helper\n")
    tiny.write("helper.py", "1 / 0\n")

    output = tiny.up(exit_code=1)

    assert output.count("ZeroDivisionError") == 1
    assert "helper.py" in output
    assert "language_host" not in output


def test_a_project_without_a_program_says_where_it_should_be(tiny):
    (tiny.directory / "__main__.py").unlink()

    output = tiny.up(exit_code=1)

    assert f"there is no __main__.py in {tiny.directory}" in output
    assert "Traceback" not in output


def test_a_program_in_the_directory_that_main_names_imports_its_neighbours(tiny):
    settings = json.loads((tiny.directory / "Pulumi.yaml").read_text()) | {"main": "stacks"}
    tiny.write("Pulumi.yaml", json.dumps(settings))
    tiny.write("stacks/neighbour.py", "VALUE = 'near'\n")
    tiny.write(
        "stacks/__main__.py",
        "import pulumi, neighbour\npulumi.export('value', neighbour.VALUE)\n",
    )

    tiny.up()

    assert tiny.run("stack", "output", "value").strip() == "near"


def test_a_missing_virtual_environment_stops_the_update_with_its_path(tiny):
    settings = json.loads((tiny.directory / "Pulumi.yaml").read_text())
    settings["runtime"] = {"name": "python", "options": {"virtualenv": "gone"}}
    tiny.write("Pulumi.yaml", json.dumps(settings))

    output = tiny.up(exit_code=1)

    assert f"there is no virtual environment at {tiny.directory / 'gone'}" in output


def test_an_interrupted_update_ends_the_program_and_then_everything(tiny):
    run, plugin, host = tiny.start_creating()

    run.send_signal(signal.SIGINT)
    program_ended = wait_until(lambda: not find_programs(tiny.directory), seconds=5)
    run.send_signal(signal.SIGINT)  # the plugin's create goes on until told a second time
    run.communicate(timeout=20)

    assert program_ended
    assert all(ends_within(pid, seconds=3) for pid in (plugin, host))


@pytest.mark.parametrize("victim", ["engine", "host", "plugin"])
def test_whatever_is_killed_nothing_is_left_running(tiny, victim):
    run, plugin, host = tiny.start_creating()

    os.kill({"engine": run.pid, "host": host, "plugin": plugin}[victim], signal.SIGKILL)
    run.communicate(timeout=30)

    assert all(ends_within(pid, seconds=5) for pid in (plugin, host))
    assert find_programs(tiny.directory) == []


def find_programs(directory: Path) -> list[int]:
    """Return the running programs of the project in `directory`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text()
        except OSError:
            continue
        if "program.py" in line and str(directory) in line:
            found.append(int(process.name))
    return found
