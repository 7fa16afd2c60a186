"""What every area uses: where the project is, and how assertions outside of test files speak."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

pytest.register_assert_rewrite("suite", "support")
pytest_plugins = ["support.sandboxes"]
collect_ignore = ["data"]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def project() -> Path:
    """Folder with Pulumi.yaml."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _a_day_on_which_everything_is_sold() -> Iterator[None]:
    """Tests ask for GPUs that end some day, and must pass on that day, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kokunai.catalog.retirement.today", lambda: date(2026, 11, 28))
        yield


# What takes long by its nature: many processes, real time-outs, Ansible runs. `make quick` leaves
# these out, so that every area keeps a fast part; `make test` runs them.
SLOW = (
    "airgap/test_language_host.py",
    "capacity/",
    "faults/",
    "lab/test_daemon.py",
    "lab/test_emulators.py",
    "lab/sakura_iaas/test_recovery.py",
    "package/test_extras.py",
    "playbooks/",
    "plugin/test_callers.py",
    "plugin/test_plugin_process.py",
    "plugin/test_sakura_interruptions.py",
    "plugin/test_sakura_ownership.py",
    "plugin/test_sakura_resources.py",
    "policies/test_rules.py",
    "policies/test_served_pack.py",
    "test_doctor.py",
    "test_interrupted.py",
    "test_makefile.py",
    "test_surroundings.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow ones."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.relative_to(folder).as_posix().startswith(SLOW):
            item.add_marker("slow")
