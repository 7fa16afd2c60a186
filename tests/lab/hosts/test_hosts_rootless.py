"""An ordinary user with a range of ids gets hosts too, and the machine sees nothing of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from kokunai.lab.hosts import image
from kokunai.lab.places import Places

pytestmark = pytest.mark.hosts

NOBODY = 65534
FIRST_ID = 300000
COMPONENTS = Path(__file__).parents[3] / "components"
PYTHON = Path("/usr/bin/python3")
# A range of ids for `nobody` in a mount namespace: the machine's own files stay as they are.
BECOME_NOBODY = """
mount --bind "$1/ranges" /etc/subuid && mount --bind "$1/ranges" /etc/subgid && shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""


@pytest.fixture
def home():
    directory = Path(tempfile.mkdtemp(prefix="kk-rootless-"))
    directory.chmod(0o755)
    (directory / "ranges").write_text(f"nobody:{FIRST_ID}:65536\n")
    (directory / "lab").mkdir()
    os.chown(directory / "lab", NOBODY, NOBODY)
    yield directory
    shutil.rmtree(directory)


def copy_root(home):
    """The shared root as this user would build it: root is the user, others are its range."""
    place = image.directory().relative_to(image.cache_directory())
    copy = home / "cache" / "kokunai" / "hosts" / place
    copy.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", image.directory(), copy], check=True)
    for path in (copy, *copy.rglob("*")):
        status = path.lstat()
        os.lchown(path, *(_mapped(number) for number in (status.st_uid, status.st_gid)))
        if not path.is_symlink():
            path.chmod(status.st_mode & 0o7777)


def _mapped(number):
    return FIRST_ID + number - 1 if number else NOBODY


def run_as_nobody(home, *command):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home / "lab"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": str(COMPONENTS),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    wrapped = ["unshare", "--mount", "sh", "-c", BECOME_NOBODY, "sh", str(home), *command]
    return subprocess.run(
        wrapped, env=environment, cwd=home, capture_output=True, text=True, timeout=120, check=False
    )


CUT_OFF = """
import subprocess
from kokunai.lab.hosts import image, rootless
left = image.directory().parent / "building-cut-off"
left.mkdir(parents=True)
script = 'mkdir "$1/root" && touch "$1/root/file" && chown -R 33:33 "$1/root"'
subprocess.run([*rootless.USER_NAMESPACE, "sh", "-c", script, "sh", left], check=True)
image._remove(left)
print(left.exists())
"""


def test_what_a_build_cut_off_left_of_other_ids_is_removed(home):
    if not PYTHON.exists() or not shutil.which("newuidmap"):
        pytest.skip("needs /usr/bin/python3 and newuidmap")
    (home / "cache").mkdir()
    os.chown(home / "cache", NOBODY, NOBODY)

    done = run_as_nobody(home, str(PYTHON), "-c", CUT_OFF)

    assert done.stdout == "False\n", done.stderr


def test_an_ordinary_user_boots_filters_and_tears_down_hosts(home):
    if not PYTHON.exists() or not shutil.which("newuidmap"):
        pytest.skip("needs /usr/bin/python3 and newuidmap")
    copy_root(home)

    script = Path(__file__).parent / "rootless_trial.py"
    done = run_as_nobody(home, str(PYTHON), str(script), str(home / "lab"))

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["kinds"] == {"full": False, "light": False, "rootless": True}
    assert "inside" in seen["refusal"]
    inside = seen["inside"]
    assert "timed out" in inside.pop("filtered"), seen["error"]
    assert inside == {
        "kind": "rootless",
        "name": "node-1",
        "gpus": "2",
        "share": "shared",
        "owners": "33",
        "kept": "33",
        "running": [],
    }
    assert (seen["before"], seen["after"]) == (True, [])
    assert not Path("/run/netns", Places(home / "lab").namespace).exists()
