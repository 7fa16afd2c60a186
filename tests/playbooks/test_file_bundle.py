"""The module as a host runs it: arguments on standard input, a directory instead of /."""

import json
from pathlib import Path

import pytest

from support import ansible_module

MODULE = Path(__file__).parents[2] / "playbooks/library/file_bundle.py"
HEADER = "# Kokunai"


def _run(root: Path, files, *, check=False, **more):
    arguments = {"root": str(root), "header": HEADER, "files": files, **more}
    arguments |= {"_ansible_check_mode": check, "_ansible_diff": True}
    return ansible_module.run(MODULE, **arguments)


def _file(path="/etc/demo.conf", content=f"{HEADER}\nx=1\n", **more):
    return {"path": path, "content": content, **more}


def test_a_missing_file_is_written_with_its_mode(tmp_path: Path):
    result = _run(tmp_path, [_file(mode="0640")])

    written = tmp_path / "etc/demo.conf"
    assert result["paths_changed"] == ["/etc/demo.conf"]
    assert written.read_text() == f"{HEADER}\nx=1\n"
    assert written.stat().st_mode & 0o777 == 0o640
    assert list(written.parent.iterdir()) == [written]


def test_a_second_run_changes_nothing(tmp_path: Path):
    _run(tmp_path, [_file()])

    result = _run(tmp_path, [_file()])

    assert result["changed"] is False
    assert result["diff"] == []


@pytest.mark.parametrize("spoil", ["content", "mode", "link"])
def test_what_a_hand_changed_is_put_right(tmp_path: Path, spoil: str):
    _run(tmp_path, [_file()])
    target = tmp_path / "etc/demo.conf"
    if spoil == "content":
        target.write_text("x=2\n")
    elif spoil == "mode":
        target.chmod(0o666)
    else:
        target.unlink()
        target.symlink_to("/etc/hostname")

    result = _run(tmp_path, [_file()])

    assert result["paths_changed"] == ["/etc/demo.conf"]
    assert not target.is_symlink()
    assert target.read_text() == f"{HEADER}\nx=1\n"
    assert target.stat().st_mode & 0o777 == 0o644


def test_check_mode_writes_nothing_and_shows_the_difference(tmp_path: Path):
    result = _run(tmp_path, [_file(applies="demo")], check=True)

    assert result["changed"] is True
    assert result["diff"][0]["after_header"] == "/etc/demo.conf"
    assert result["diff"][0]["after"] == f"{HEADER}\nx=1\n"
    assert list(tmp_path.iterdir()) == []


def test_a_section_keeps_the_rest_of_the_file(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    hosts = tmp_path / "etc/hosts"
    hosts.write_text("127.0.0.1 localhost\n")

    _run(tmp_path, [_file("/etc/hosts", "10.0.0.1 old\n", section=True)])
    _run(tmp_path, [_file("/etc/hosts", "10.0.0.2 new\n", section=True)])

    text = hosts.read_text()
    assert text == "# BEGIN kokunai\n10.0.0.2 new\n# END kokunai\n127.0.0.1 localhost\n"


def test_a_section_without_its_end_loses_nothing_of_the_file(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    hosts = tmp_path / "etc/hosts"
    hosts.write_text("# BEGIN kokunai\n10.0.0.1 old\n127.0.0.1 localhost\n")

    _run(tmp_path, [_file("/etc/hosts", "10.0.0.2 new\n", section=True)])

    text = hosts.read_text()
    assert text.startswith("# BEGIN kokunai\n10.0.0.2 new\n# END kokunai\n")
    assert text.endswith("127.0.0.1 localhost\n")


@pytest.mark.parametrize("more", [{}, {"absent": True}])
def test_a_directory_in_the_place_of_a_file_is_told_and_kept(tmp_path: Path, more):
    (tmp_path / "etc/demo.conf/d").mkdir(parents=True)

    result = _run(tmp_path, [_file(**more)])

    assert result["failed"] is True
    assert "ファイルを変更できません / a file cannot be changed" in result["msg"]
    assert f"'{tmp_path}/etc/demo.conf'" in result["msg"]
    assert (tmp_path / "etc/demo.conf/d").is_dir()


def test_an_absent_section_leaves_the_file_as_it_was(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    _run(tmp_path, [_file("/etc/hosts", "10.0.0.1 old\n", section=True)])

    _run(tmp_path, [{"path": "/etc/hosts", "section": True, "absent": True}])

    assert (tmp_path / "etc/hosts").read_text() == "127.0.0.1 localhost\n"


def test_an_absent_file_is_removed_once(tmp_path: Path):
    _run(tmp_path, [_file()])
    gone = [{"path": "/etc/demo.conf", "absent": True}]

    first, second = _run(tmp_path, gone), _run(tmp_path, gone)

    assert (first["changed"], second["changed"]) == (True, False)


def test_pruning_removes_our_files_and_no_others(tmp_path: Path):
    _run(tmp_path, [_file("/etc/net/a.network"), _file("/etc/net/b.network")])
    (tmp_path / "etc/net/theirs.network").write_text("[Match]\n")
    prune = [{"glob": "/etc/net/*.network", "applies": "network"}]

    result = _run(tmp_path, [_file("/etc/net/a.network")], prune=prune)

    left = sorted(path.name for path in (tmp_path / "etc/net").iterdir())
    assert left == ["a.network", "theirs.network"]
    assert result["pending"] == {"network": ["/etc/net/b.network"]}


def test_a_run_cut_before_its_handlers_is_told_to_the_next_one(tmp_path: Path):
    _run(tmp_path, [_file(applies="demo")])

    again = _run(tmp_path, [_file(applies="demo")])
    (tmp_path / "run/kokunai/pending/demo").unlink()
    done = _run(tmp_path, [_file(applies="demo")])

    assert again["changed"] is True
    assert again["paths_changed"] == []
    assert again["pending"] == {"demo": ["/etc/demo.conf"]}
    assert done["changed"] is False


def test_a_repair_applies_what_is_there_again(tmp_path: Path):
    _run(tmp_path, [_file(applies="demo")])
    (tmp_path / "run/kokunai/pending/demo").unlink()

    result = _run(tmp_path, [_file(applies="demo")], reapply=True)

    assert result["paths_changed"] == []
    assert result["pending"] == {"demo": ["/etc/demo.conf"]}


def test_missing_programs_are_told(tmp_path: Path):
    _run(tmp_path, [_file("/usr/sbin/here")])

    result = _run(tmp_path, [], look_for=["/usr/sbin/here", "/usr/sbin/gone"])

    assert result["missing"] == ["/usr/sbin/gone"]


def test_a_simulated_host_keeps_what_only_real_ones_may_have(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/kokunai-simulation").touch()

    result = _run(tmp_path, [_file(real_hosts_only=True)])

    assert result["not_applied"] == ["/etc/demo.conf"]
    assert not (tmp_path / "etc/demo.conf").exists()


def test_a_secret_file_shows_nothing_of_itself(tmp_path: Path):
    secret = {"path": "/etc/auth.conf", "secret_content": "password horse\n", "mode": "0600"}
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/auth.conf").write_text("password battery\n")

    result = _run(tmp_path, [secret])

    assert result["paths_changed"] == ["/etc/auth.conf"]
    assert "horse" not in json.dumps(result)
    assert "battery" not in json.dumps(result)


def test_a_secret_file_that_goes_shows_nothing_of_itself(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/auth.conf").write_text("password battery\n")

    result = _run(tmp_path, [{"path": "/etc/auth.conf", "secret_content": "", "absent": True}])

    assert result["paths_changed"] == ["/etc/auth.conf"]
    assert "battery" not in json.dumps(result)


def test_bytes_that_are_no_text_survive_in_a_section(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_bytes(b"# \xff\xfe\n")

    _run(tmp_path, [_file("/etc/hosts", "10.0.0.1 n\n", section=True)])

    assert (tmp_path / "etc/hosts").read_bytes().endswith(b"# \xff\xfe\n")
