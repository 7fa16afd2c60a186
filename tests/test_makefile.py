"""The Makefile from whatever state a checkout is in, with stand-ins for what it calls."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kokunai.language import width

ROOT = Path(__file__).parents[1]
SALT = "encryptionsalt: v1:old\n"

# Makes the environment with a `kokunai` that notes what it is asked.
_PYTHON = """#!/bin/sh
echo "python $*" >> "$LOG"
case "$1" in -c) exit ${LACKS_VENV:-0} ;; esac
sleep 0.2
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "pip $*" >> "$LOG"; exit ${PIP_FAILS:-0}\\n' > .venv/bin/pip
cat > .venv/bin/kokunai <<'END'
#!/bin/sh
echo "kokunai $*" >> "$LOG"
case "$*" in
  *"stack select local") exit ${NO_STACK:-0} ;;
  *destroy*) cat /proc/$PPID/comm >> "$LOG" ;;
  clean) [ -z "$REAL" ] && rm -rf .kokunai ;;
esac
END
chmod 755 .venv/bin/*
"""

LABS = "config:\n  kokunai:environment:\n    lab: true\n"


class Checkout:
    """A checkout of which nothing was made yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "stacks").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", directory)
        (directory / "pyproject.toml").touch()
        self.stack.write_text(LABS)
        (directory / "python").write_text(_PYTHON)
        (directory / "python").chmod(0o755)

    @property
    def stack(self) -> Path:
        return self.directory / "stacks" / "Pulumi.local.yaml"

    def start(self, *targets: str, **variables: str) -> subprocess.Popen[str]:
        log = str(self.directory / "log")
        kept = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
        return subprocess.Popen(
            ["make", "--no-print-directory", "PYTHON=./python", *targets],
            cwd=self.directory,
            env={**kept, "LOG": log, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def make(self, *targets: str, **variables: str) -> tuple[int, str]:
        with self.start(*targets, **variables) as process:
            output = process.communicate(timeout=60)[0]
        return process.returncode, output

    def asked(self, program: str) -> list[str]:
        log = self.directory / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removeprefix(f"{program} ") for line in lines if line.startswith(program)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "国内 a")


def test_up_prepares_then_selects_and_updates_the_stack(checkout):
    code, _ = checkout.make("up")

    assert code == 0
    assert checkout.asked("kokunai") == [
        "check stacks/Pulumi.local.yaml",
        "doctor --install",
        "engine install",
        "lab up",
        "run -- pulumi stack select --create local",
        "run -- pulumi up --yes --suppress-outputs --stack local --policy-pack policies",
        "summary --stack local",
    ]


def test_a_second_up_installs_nothing(checkout):
    checkout.make("up")

    checkout.make("up")

    assert len(checkout.asked("pip")) == 1


def test_two_terminals_do_not_install_at_the_same_time(checkout):
    runs = [checkout.start("-j2", "up") for _ in range(2)]

    outputs = [run.communicate(timeout=60)[0] for run in runs]
    log = (checkout.directory / "log").read_text().splitlines()
    steps = [line.split()[0] for line in log if line.startswith(("python -m", "pip"))]
    assert [output for output in outputs if "Error" in output] == []
    assert steps in (["python", "pip"], ["python", "pip"] * 2)


def test_what_the_python_lacks_is_said_in_both_languages(checkout):
    code, output = checkout.make("up", LACKS_VENV="1")

    assert code == 2
    assert "venv がありません" in output
    assert "lacks venv: apt-get install python3-venv" in output
    assert not (checkout.directory / ".venv").exists()


def test_packages_that_cannot_be_installed_are_tried_again_by_the_next_run(checkout):
    code, output = checkout.make("up", PIP_FAILS="1")
    checkout.make("up")

    assert code == 2
    assert "用意できませんでした" in output
    assert len(checkout.asked("pip")) == 2


def test_the_salt_of_a_passphrase_that_is_gone_goes_too(checkout):
    checkout.stack.write_text(f"{SALT}{LABS}")

    checkout.make("up")

    assert checkout.stack.read_text() == LABS


@pytest.mark.parametrize("known", ["file", "PULUMI_CONFIG_PASSPHRASE"])
def test_the_salt_of_a_known_passphrase_stays(checkout, known):
    checkout.stack.write_text(SALT)
    (checkout.directory / ".kokunai").mkdir()
    if known == "file":
        (checkout.directory / ".kokunai" / "passphrase").touch()

    checkout.make("up", **{} if known == "file" else {known: "mine"})

    assert checkout.stack.read_text() == SALT


def test_down_destroys_with_the_lab_up_and_stops_it(checkout):
    code, _ = checkout.make("down")

    assert code == 0
    assert checkout.asked("kokunai") == [
        "run -- pulumi stack select local",
        "lab up",
        "run -- pulumi destroy --yes --stack local",
        "lab down",
    ]


def test_an_interrupt_of_down_finds_no_shell_that_would_leave_pulumi_behind(checkout):
    checkout.make("down")

    assert (checkout.directory / "log").read_text().splitlines()[-2] == "make"


def test_down_without_a_stack_still_stops_the_lab(checkout):
    code, output = checkout.make("down", NO_STACK="1")

    assert code == 0
    assert "stopping the lab only" in output
    assert checkout.asked("kokunai")[1:] == ["lab down"]


@pytest.mark.parametrize("folder", ["lab", "state"])
def test_clean_without_its_environment_still_asks_the_command_that_knows_the_lab(checkout, folder):
    (checkout.directory / ".kokunai" / folder).mkdir(parents=True)

    code, _ = checkout.make("clean")

    assert code == 0
    assert checkout.asked("kokunai") == ["clean"]
    assert not (checkout.directory / ".kokunai").exists()
    assert not (checkout.directory / ".venv").exists()


def test_clean_that_is_refused_removes_nothing(checkout):
    checkout.make("up")
    (checkout.directory / ".kokunai" / "state").mkdir(parents=True)

    code, _ = checkout.make("clean", REAL="1")

    assert code == 2
    assert (checkout.directory / ".kokunai" / "state").exists()
    assert (checkout.directory / ".venv" / "installed").exists()


def test_the_faults_run_all_of_them_and_show_the_counts(checkout):
    code, output = checkout.make("--dry-run", "faults")

    assert code == 0
    assert "KOKUNAI_FAULTS=all .venv/bin/pytest -s -rA tests/faults" in output


@pytest.mark.parametrize("asked", ["ja", "en", "both"])
def test_help_fits_eighty_columns_in_each_language(checkout, asked):
    code, output = checkout.make("help", KOKUNAI_LANG=asked)

    lines = output.splitlines()
    assert code == 0
    assert max(map(width, lines)) <= 80
    assert ("  make up       ローカル" in output) is (asked != "en")
    assert ("build the local GPU cluster" in output) is (asked != "ja")
    targets = [line.split()[1] for line in lines if line.startswith("  make")]
    assert {"up", "down", "faults", "clean", "help"} <= set(targets)


def test_clean_twice_makes_nothing_the_second_time(checkout):
    checkout.make("up")
    checkout.make("clean")
    before = (checkout.directory / "log").read_text()

    code, output = checkout.make("clean")

    assert (code, output) == (0, "")
    assert (checkout.directory / "log").read_text() == before


@pytest.mark.parametrize("target", ["up", "down"])
def test_a_stack_of_a_real_account_is_neither_built_nor_destroyed_without_a_question(
    checkout: Checkout, target: str
):
    checkout.stack.write_text("config:\n  kokunai:environment:\n    name: prod\n")

    code, said = checkout.make(target)

    assert code != 0
    assert "is no stack of the lab: kokunai run -- pulumi" in said
    assert not checkout.asked("kokunai")
