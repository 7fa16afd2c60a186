"""Runs the machine's own tools, so that a failure is a sentence and not a traceback."""

from __future__ import annotations

import subprocess

from kokunai.lab.machines import MachinesError

_TIMEOUT_SECONDS = 120


def run(*command: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command with `text` as its input; a failure raises unless `check` is false."""
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise refused(f"{command[0]} がありません", f"{command[0]} is missing") from error
    except subprocess.TimeoutExpired as error:
        shown = " ".join(command)
        raise refused(f"応答がありません: {shown}", f"no answer from: {shown}") from error
    if check and done.returncode != 0:
        shown, said = " ".join(command), done.stderr.strip()[-500:]
        raise refused(
            f"コマンドが失敗しました: {shown}: {said}", f"command failed: {shown}: {said}"
        )
    return done


class HostsError(MachinesError):
    """What is wrong and what would help, in both languages."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja}。\n{en}.")
        self.ja = f"{ja}。"
        self.en = f"{en}."


def refused(ja: str, en: str) -> HostsError:
    """An error in both languages, Japanese first, without the full stops."""
    return HostsError(ja, en)
