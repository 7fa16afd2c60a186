"""Runs the machine's tools and raises their failures as KokunaiError."""

from __future__ import annotations

import subprocess

from kokunai.errors import KokunaiError

_TIMEOUT_SECONDS = 120


def run(*command: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command with `text` as its input. Raises KokunaiError on failure if `check`."""
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
        raise KokunaiError(
            ja=f"{command[0]} がありません。",
            en=f"{command[0]} is missing.",
        ) from error
    except subprocess.TimeoutExpired as error:
        shown = " ".join(command)
        raise KokunaiError(
            ja=f"応答がありません: {shown}。",
            en=f"no answer from: {shown}.",
        ) from error
    if check and done.returncode != 0:
        shown, said = " ".join(command), done.stderr.strip()[-500:]
        raise KokunaiError(
            ja=f"コマンドが失敗しました: {shown}: {said}。",
            en=f"command failed: {shown}: {said}.",
        )
    return done
