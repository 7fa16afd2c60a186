"""What somebody mounted below the lab survives its removal; all tests mount in a namespace."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai.errors import KokunaiError
from kokunai.lab import removal

IN_NAMESPACE = ("unshare", "--mount", "--propagation", "private", "sh", "-euc")
KOKUNAI = f"{sys.executable} -c 'from kokunai.cli import main; main()'"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def thesis(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "thesis"
    (folder / "chapters").mkdir(parents=True)
    (folder / "chapters/one.txt").write_text("a year of work")
    return folder


def in_namespace(script: str, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [*IN_NAMESPACE, script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@needs_root
@pytest.mark.parametrize("place", ["hosts/nfs/1/192.0.2.1/export/my data", "stores"])
def test_a_purge_stops_at_what_is_mounted_and_says_so(tmp_path: Path, thesis: Path, place: str):
    lab = tmp_path / "lab"
    (lab / place).mkdir(parents=True)
    (lab / "hosts/disks/2").mkdir(parents=True)
    (lab / "hosts/disks/2/file").touch()
    (lab / "lab.json").write_text("{}")

    script = f'mount --bind "$1" "$2"; {KOKUNAI} lab down --purge --directory "$3"'
    done = in_namespace(script, thesis, lab / place, lab)
    again = in_namespace(f'{KOKUNAI} lab down --purge --directory "$1"', lab)

    assert (thesis / "chapters/one.txt").read_text() == "a year of work"
    assert done.returncode == 1
    assert f"umount {shlex.quote(str(lab / place))}" in done.stderr
    assert (again.returncode, lab.exists()) == (0, False), again.stderr


@needs_root
def test_a_share_and_a_file_that_are_mounted_stay_when_the_rest_is_removed(tmp_path, thesis):
    share = tmp_path / "share"
    (share / "export/data").mkdir(parents=True)
    (share / "export/file").touch()
    (share / "other/deep").mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from kokunai.lab import removal;"
        "print(*removal.remove(Path(sys.argv[1])), sep='\\n')"
    )
    script = (
        'mount --bind "$1" "$2/export/data"; mount --bind "$1/chapters/one.txt" "$2/export/file";'
        f'{sys.executable} -c "{code}" "$2"'
    )

    done = in_namespace(script, thesis, share)

    assert done.stdout.split() == [f"{share}/export/data", f"{share}/export/file"], done.stderr
    assert (thesis / "chapters/one.txt").read_text() == "a year of work"
    assert not (share / "other").exists()


@needs_root
@pytest.mark.parametrize("place", [".kokunai/state/my data", ".venv/lib"])
def test_make_clean_stops_at_what_is_mounted(tmp_path: Path, thesis: Path, project: Path, place):
    checkout = tmp_path / "check out"
    (checkout / place).mkdir(parents=True)
    shutil.copy(project / "Makefile", checkout)

    done = in_namespace(
        'mount --bind "$1" "$2"; make -C "$3" clean', thesis, checkout / place, checkout
    )

    assert (thesis / "chapters/one.txt").read_text() == "a year of work"
    assert done.returncode != 0
    assert "mounted, so it is not removed" in done.stderr


def test_what_is_not_mounted_is_removed_and_links_are_not_followed(tmp_path, thesis):
    lab = tmp_path / "lab"
    (lab / "deep/er").mkdir(parents=True)
    (lab / "link").symlink_to(thesis)

    assert removal.remove(lab) == []
    assert removal.remove(lab) == []
    assert not lab.exists()
    assert (thesis / "chapters/one.txt").exists()


def test_the_kernels_table_is_read_with_its_escapes(tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    row = "36 35 98:0 / {} rw - ext4 /dev/x rw\n"
    table.write_text(row.format("/lab/my\\040data\\134") + row.format("/laboratory"))
    monkeypatch.setattr(removal, "_TABLE", table)

    assert removal.mounted_in(Path("/lab")) == [Path("/lab/my data\\")]
    with pytest.raises(KokunaiError, match="umount '/lab/my data"):
        removal.refuse_mounts(removal.mounted_in(Path("/lab")))
