"""The directory of a run: ours alone, gone with the run, swept when the run was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai.plugin.ansible.run_directory import MARK, private_directory, sweep


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("kokunai.plugin.ansible.run_directory.memory", lambda: tmp_path)
    return tmp_path


def test_only_we_may_enter_and_nothing_stays(memory: Path):
    with private_directory() as private:
        mode = private.stat().st_mode & 0o777
        (private / "file").write_text("x")

    assert mode == 0o700
    assert list(memory.iterdir()) == []


def test_it_goes_also_when_the_run_fails(memory: Path):
    with pytest.raises(ValueError, match="broken"), private_directory():
        raise ValueError("broken")

    assert list(memory.iterdir()) == []


def test_a_living_run_is_not_swept(memory: Path):
    with private_directory() as private:
        sweep()

        assert private.is_dir()


def _killed_run(memory: Path) -> Path:
    """A directory whose owner was killed."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from kokunai.plugin.ansible import run_directory as p\n"
        "p.memory = lambda: Path(sys.argv[1])\n"
        "with p.private_directory() as d: print(d, flush=True); time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, memory], stdout=subprocess.PIPE, text=True
    )
    directory = Path(owner.stdout.readline().strip())
    owner.stdout.close()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    return directory


def test_what_a_killed_run_left_is_swept_with_its_processes(memory: Path):
    directory = _killed_run(memory)
    orphan = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: str(directory)})

    sweep()

    assert orphan.wait(timeout=5) == -signal.SIGKILL
    assert list(memory.iterdir()) == []


def test_a_connection_master_is_found_by_its_title(memory: Path):
    """OpenSSH writes it over the environment that held our mark."""
    directory = _killed_run(memory)
    title = f"ssh: {directory}/cp/0123456789 [mux]"
    master = subprocess.Popen(["bash", "-c", 'exec -a "$0" sleep 60', title])
    while title.encode() not in Path(f"/proc/{master.pid}/cmdline").read_bytes().split(b"\0")[:1]:
        assert master.poll() is None

    sweep()

    assert master.wait(timeout=5) == -signal.SIGKILL


def test_a_directory_whose_owner_died_before_it_had_its_name_is_swept_later(memory: Path):
    abandoned, fresh = memory / "kokunai-new-a", memory / "kokunai-new-b"
    abandoned.mkdir()
    fresh.mkdir()
    os.utime(abandoned, (0, 0))

    sweep()

    assert list(memory.iterdir()) == [fresh]


def test_processes_of_other_runs_are_left_alone(memory: Path):
    _killed_run(memory)
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: str(memory / "other")})

    sweep()

    assert other.poll() is None
    other.kill()
    other.wait()
