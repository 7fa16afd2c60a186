"""Starts the language host by its path, without running the initialisers of packages."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def _import_bare(name: str, directory: Path) -> None:
    """Make `name` a package without running its initialiser; a loaded one stays."""
    if name in sys.modules:
        return
    module = ModuleType(name)
    module.__path__ = [str(directory)]
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    sys.modules[name] = module


def _import_stubs_only() -> None:
    """Make the gRPC stubs of pulumi importable without the whole SDK, which is slow to import."""
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(
            f"pulumi SDK がありません: {sys.executable} -m pip install pulumi\n"
            f"the pulumi SDK is missing: {sys.executable} -m pip install pulumi"
        )
    pulumi = Path(spec.submodule_search_locations[0])
    _import_bare("pulumi", pulumi)
    _import_bare("pulumi.runtime", pulumi / "runtime")


def main() -> None:
    # Until the server takes over, Ctrl-C ends the host without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # gRPC would warn at each fork, but every child of this host runs another program at once.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    _import_bare("kokunai", Path(__file__).resolve().parents[2])
    from kokunai.surroundings import prefer_installed_packages

    prefer_installed_packages()
    _import_stubs_only()
    # This import needs the bare packages that were made in the line above.
    from kokunai.airgap.language_host.server import run

    del os.environ["GRPC_ENABLE_FORK_SUPPORT"]
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
