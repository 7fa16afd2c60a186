"""Runs one Pulumi program inside the program's own Python, with the SDK that is there."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import PathFinder
from pathlib import Path

# The exit code that tells the host that the user has been shown the reason.
_REASON_SHOWN = 32


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("monitor", "engine", "project", "stack", "organization", "root-directory"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("entry")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _configure(arguments: argparse.Namespace) -> None:
    """Tell the SDK where the engine is and what the stack's configuration says."""
    from pulumi import runtime  # Imported here, so that main can report that it is missing.

    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    wanted = {name: value for name, value in vars(arguments).items() if name != "entry"}
    known = inspect.signature(runtime.Settings.__init__).parameters
    runtime.configure(
        runtime.Settings(**{name: value for name, value in wanted.items() if name in known})
    )


def _run_as_main(entry: str) -> None:
    import pulumi  # See _configure.

    # In a directory without a program, runpy would run any __main__.py further down sys.path.
    if Path(entry).is_dir() and PathFinder.find_spec("__main__", [entry]) is None:
        directory = Path(entry).resolve()
        raise pulumi.RunError(
            f"{directory} に __main__.py がありません。\nthere is no __main__.py in {directory}"
        )
    runpy.run_path(entry, run_name="__main__")


def _run(entry: str, *, parallel: int) -> None:
    """Run the program and wait for every resource it declared."""
    from pulumi import runtime  # See _configure.

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(max_workers=4 * max(parallel, 1)) as executor:
        # Blocking calls to the engine run in threads, one for each resource in flight.
        loop.set_default_executor(executor)
        loop.run_until_complete(runtime.run_in_stack(lambda: _run_as_main(entry)))


def _failure_text(error: BaseException, entry: str) -> str:
    """The traceback from the user's first line on, without the machinery above it."""
    frames = traceback.extract_tb(error.__traceback__)
    program = Path(entry).resolve()
    own = [
        index
        for index, frame in enumerate(frames)
        if program in (Path(frame.filename).resolve(), Path(frame.filename).resolve().parent)
    ]
    limit = own[0] - len(frames) if own else None
    return "".join(traceback.format_exception(error, limit=limit))


def _hidden_package(error: BaseException) -> str:
    """A sentence where a package on PYTHONPATH hides the one of the same name of this Python."""
    module = getattr(error, "obj", None)
    place = getattr(error, "path", None) or getattr(module, "__file__", None)
    name = str(getattr(module, "__name__", getattr(error, "name", "")))
    named = [
        Path(entry).resolve()
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry
    ]
    if not place or not any(Path(place).resolve().is_relative_to(entry) for entry in named):
        return ""
    others = [entry for entry in sys.path if Path(entry).resolve() not in named]
    if PathFinder.find_spec(name.partition(".")[0], others) is None:
        return ""
    return (
        f"PYTHONPATH の {place} が、この Python のパッケージを隠しています（{error}）。"
        "外してから実行してください: unset PYTHONPATH\n"
        f"{place} on PYTHONPATH hides a package of this Python ({error}): unset PYTHONPATH"
    )


def _report(error: Exception, entry: str) -> None:
    """Show a failure: one sentence for what the user can fix, else the traceback."""
    import pulumi  # See _configure.

    if isinstance(error, pulumi.RunError):
        pulumi.log.error(str(error))
    elif hidden := _hidden_package(error):
        pulumi.log.error(hidden)
    else:
        pulumi.log.error(
            f"Program failed with an unhandled exception:\n{_failure_text(error, entry)}"
        )


def main() -> int:
    # The host interrupts a program whose update was cancelled; it ends without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = _arguments()
    try:
        _configure(arguments)
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"{error.name} がこの Python にありません: {sys.executable} -m pip install pulumi\n"
            f"this Python lacks {error.name}: {sys.executable} -m pip install pulumi\n"
        )
        return 1
    except (ImportError, AttributeError) as error:
        hidden = _hidden_package(error)
        if not hidden:
            raise
        sys.stderr.write(f"{hidden}\n")
        return 1
    # A failing program leaves futures unawaited, and asyncio's warnings would hide the reason.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    sys.argv = [arguments.entry, *arguments.arguments]
    # Python put the directory of this file first, where a program expects its own. For a program
    # that is a directory, runpy adds that too.
    sys.path[0] = str(Path(arguments.entry).resolve().parent)
    try:
        _run(arguments.entry, parallel=arguments.parallel)
    except Exception as error:  # noqa: BLE001 - shows whatever a program raises
        _report(error, arguments.entry)
        return _REASON_SHOWN
    return 0


if __name__ == "__main__":
    sys.exit(main())
