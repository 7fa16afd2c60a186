"""What somebody sees while a long command runs."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kokunai import progress
from kokunai.airgap import build
from kokunai.errors import KokunaiError


def run_sleep(tmp_path: Path, command: str) -> None:
    build.run_step(["sh", "-c", command], label="build", cwd=tmp_path, env=os.environ)


def test_without_a_terminal_a_line_comes_now_and_then(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.3)
    monkeypatch.setattr(build, "_TICK_SECONDS", 0.05)

    run_sleep(tmp_path, "sleep 0.8")

    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3
    assert lines[0] == "build … 0:00"


def test_a_short_command_says_nothing(tmp_path, capsys):
    run_sleep(tmp_path, "true")

    assert capsys.readouterr().err == ""


def test_on_a_terminal_one_line_moves_and_is_gone_at_the_end():
    body = (
        "import os; from pathlib import Path; from kokunai.airgap import build; "
        "build.run_step(['sleep', '0.5'], label='build', cwd=Path('/'), env=os.environ)"
    )
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 1024)
            except OSError:  # the terminal is closed
                return
            seen.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run([sys.executable, "-c", body], stderr=theirs, check=True)
    os.close(theirs)
    reader.join(5)
    os.close(ours)

    shown = b"".join(seen).decode()
    assert "\r\x1b[Kbuild … 0:00" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


def test_a_failed_command_is_reported_with_its_last_lines_only(tmp_path):
    with pytest.raises(KokunaiError) as refusal:
        run_sleep(tmp_path, "seq 100; exit 3")

    assert "終了コード 3" in refusal.value.ja
    assert "  100" in refusal.value.en.splitlines()
    assert "  50" not in refusal.value.en.splitlines()


def test_what_a_command_says_takes_no_room_on_the_disk_that_may_be_full(tmp_path):
    with pytest.raises(KokunaiError) as refusal:
        run_sleep(tmp_path, "echo no space left on device; ls; exit 1")

    assert refusal.value.en.endswith("exit code 1:\n  no space left on device")


def test_minutes_and_seconds_are_written_as_on_a_clock():
    assert progress.format_seconds(166) == "2:46"
