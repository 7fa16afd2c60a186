"""Starts the host by its path, past the package initialisers it does not need."""

import importlib.util
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def import_bare(name: str, directory: Path) -> None:
    """Make `name` a package without running its initialiser; a loaded one stays."""
    if name in sys.modules:
        return
    module = ModuleType(name)
    module.__path__ = [str(directory)]
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    sys.modules[name] = module


def import_stubs_only() -> None:
    """`import pulumi` takes longer than the rest of the start; only its gRPC stubs are used."""
    kokunai = Path(__file__).resolve().parents[2]
    import_bare("kokunai", kokunai)
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(
            f"pulumi SDK がありません: {sys.executable} -m pip install pulumi\n"
            f"the pulumi SDK is missing: {sys.executable} -m pip install pulumi"
        )
    pulumi = Path(spec.submodule_search_locations[0])
    import_bare("pulumi", pulumi)
    import_bare("pulumi.runtime", pulumi / "runtime")


def main() -> None:
    # Until the server takes over, Ctrl-C ends the host without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # gRPC's fork handlers would print warnings; children are spawned, never forked to go on.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    import_stubs_only()
    from kokunai.airgap.language_host.server import run  # after the bare packages

    del os.environ["GRPC_ENABLE_FORK_SUPPORT"]
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
