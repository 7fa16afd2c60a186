"""What `kokunai new` writes, and what it refuses; no engine runs here."""

import ast
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from kokunai import catalog, stack_file
from kokunai.cli import main, new, project_files
from kokunai.errors import KokunaiError
from kokunai_policy import waivers

ROOT = Path(__file__).parents[2]
FILES = {
    ".github/workflows/pulumi.yaml",
    ".gitignore",
    ".gitlab-ci.yml",
    "Pulumi.local.yaml",
    "Pulumi.sakura.yaml",
    "Pulumi.yaml",
    "README.ja.md",
    "README.md",
    "__main__.py",
    "plugin/PulumiPlugin.yaml",
    "plugin/__main__.py",
    "policies/PulumiPolicy.yaml",
    "policies/__main__.py",
    "policies/waivers.yaml",
    "requirements.txt",
}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return project_files.render("my-cluster", project_files.sellers())


def _kokunai(*arguments: str | Path) -> None:
    """The command as a shell would run it; a normal end returns."""
    main([str(argument) for argument in arguments])


def _written(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def test_a_project_has_stacks_rules_plugin_ci_and_both_readmes(tmp_path):
    directory = tmp_path / "国内 の GPU"

    _kokunai("new", directory)

    assert _written(directory) == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == [directory.name]


@pytest.mark.parametrize("is_template", [False, True])
def test_every_file_is_what_its_name_says_and_nothing_is_left_to_fill_in(is_template):
    files = project_files.render("my-cluster", project_files.sellers(), is_template=is_template)

    for path, text in files.items():
        assert not re.search(r"\[\[|\]\]|\[%|%\]|\[#|#\]", text), path
        assert text.endswith("\n")
        if path.endswith((".yaml", ".yml")):
            assert isinstance(yaml.safe_load(text), dict), path
        if path.endswith(".py"):
            assert ast.get_docstring(ast.parse(text)), path


def test_every_seller_of_the_catalogue_gets_a_stack_that_passes_the_checks(tmp_path, files):
    sold_by = {offer.seller for offer in catalog.offers() if offer.obtained == "api"}
    new.write(files, tmp_path / "project")

    stacks = {path.name for path in (tmp_path / "project").glob("Pulumi.*.yaml")}
    assert stacks == {f"Pulumi.{name}.yaml" for name in {"local", *sold_by}}
    for name in stacks:
        environment = stack_file.read_file(tmp_path / "project" / name)
        assert environment.lab is (name == "Pulumi.local.yaml")


def test_a_new_seller_appears_by_its_rows_and_names_its_offer_where_another_sells_the_same(
    tmp_path, monkeypatch
):
    sold = catalog.offer(site="sakura-ishikari", gpu="h100")
    direct = sold.model_copy(update={"key": "direct-h100"})
    resold = direct.model_copy(update={"seller": "reseller", "key": "resold-h100"})
    monkeypatch.setattr(catalog, "offers", lambda: (direct, resold))

    reseller = project_files.sellers()[1]
    new.write(
        project_files.render("own", project_files.sellers(["sakura", "reseller"])), tmp_path / "own"
    )

    assert (reseller.key, reseller.is_ambiguous) == ("reseller", True)
    text = (tmp_path / "own/Pulumi.reseller.yaml").read_text()
    assert "        offer: resold-h100\n" in text
    workflow = yaml.safe_load((tmp_path / "own/.github/workflows/pulumi.yaml").read_text())
    assert workflow["jobs"]["up"]["strategy"]["matrix"]["stack"] == ["sakura", "reseller"]
    assert "| `reseller` |" in (tmp_path / "own/README.ja.md").read_text()


def test_the_program_exports_what_our_own_stacks_export(files):
    def exports(text: str) -> list[str]:
        return re.findall(r'^ {8}"(\w+)": environment\.', text, re.MULTILINE)

    assert exports(files["__main__.py"])
    assert exports(files["__main__.py"]) == exports((ROOT / "stacks/__main__.py").read_text())


def test_the_waivers_are_empty_and_their_commented_form_is_one_the_rules_accept(files, tmp_path):
    def read(text: str) -> waivers.Waivers:
        (tmp_path / "waivers.yaml").write_text(text)
        return waivers.in_folder(tmp_path)

    text = files["policies/waivers.yaml"]
    form = "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if re.match(r"# (waivers:|allowed_types:| {2,}\S)", line)
    )

    assert read(text) == waivers.Waivers()
    filled = read(form)
    assert (len(filled.entries), len(filled.types)) == (1, 1)
    assert filled.problems(date(2026, 12, 1)) == []


def test_actions_are_pinned_to_commits_with_the_version_beside(files):
    uses = re.findall(r"uses: (.*)", files[".github/workflows/pulumi.yaml"])

    assert len(uses) == 6
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)


def test_ci_gives_no_right_that_a_job_does_not_need_and_pins_the_engine_we_test_with(files):
    workflow = yaml.safe_load(files[".github/workflows/pulumi.yaml"])
    gitlab = yaml.safe_load(files[".gitlab-ci.yml"])

    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    assert jobs["preview"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert jobs["up"]["permissions"] == {"contents": "read"}
    assert jobs["up"]["environment"] == "${{ matrix.stack }}"
    assert not jobs["up"]["concurrency"]["cancel-in-progress"]
    assert gitlab["up"]["rules"][0]["when"] == "manual"
    assert gitlab["up"]["environment"] == {"name": "$STACK"}
    for text in (files[".github/workflows/pulumi.yaml"], files[".gitlab-ci.yml"]):
        assert project_files.ENGINE_VERSION.removeprefix("v") in text
        assert text.count("--policy-pack policies") == 2


def test_the_preview_of_ci_names_stacks_that_are_not_made_yet_and_keeps_its_block_closed(
    tmp_path, files
):
    job = yaml.safe_load(files[".github/workflows/pulumi.yaml"])["jobs"]["preview"]
    [step] = [step for step in job["steps"] if "STACKS" in step.get("env", {})]
    (tmp_path / "Pulumi.made.yaml").write_text("encryptionsalt: v1:xyz\n")
    (tmp_path / "Pulumi.new.yaml").write_text("config: {}\n")
    pulumi = tmp_path / "bin/pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\necho \"$@\"; echo '~~~'; echo '[a link](https://example.com)'\n")
    pulumi.chmod(0o755)
    environment = {
        "PATH": f"{pulumi.parent}:{os.environ['PATH']}",
        "STACKS": "made new",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }

    subprocess.run(["bash", "-ec", step["run"]], cwd=tmp_path, env=environment, check=True)

    comment = (tmp_path / "preview.md").read_text()
    assert comment.startswith("<!-- pulumi preview -->\n")
    assert "- new: まだ作られていません / not initialised yet (pulumi stack init new)\n" in comment
    assert "preview --stack made --policy-pack policies" in comment
    assert comment.count("~~~") == 2
    assert (tmp_path / "summary.md").read_text() == comment


def test_no_pull_request_sees_the_key_that_logs_in(files):
    workflow = yaml.safe_load(files[".github/workflows/pulumi.yaml"])
    gitlab = yaml.safe_load(files[".gitlab-ci.yml"])

    assert "KOKUNAI_SSH_PRIVATE_KEY" not in str(workflow["jobs"]["preview"])
    assert "KOKUNAI_SSH_PRIVATE_KEY" not in str(gitlab["preview"])
    assert "KOKUNAI_SSH_PRIVATE_KEY" in str(workflow["jobs"]["up"])
    assert "KOKUNAI_SSH_PRIVATE_KEY" in str(gitlab["up"])


def test_git_keeps_public_keys_and_leaves_private_ones_and_state_out(tmp_path, files):
    new.write(files, tmp_path / "own")
    subprocess.run(["git", "init", "-q", tmp_path / "own"], check=True)
    given = [
        "keys/id_ed25519",
        "keys/id_ed25519.pub",
        ".kokunai/passphrase",
        ".venv/x",
        "README.md",
    ]

    ended = subprocess.run(
        ["git", "check-ignore", *given],
        cwd=tmp_path / "own",
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.split() == ["keys/id_ed25519", ".kokunai/passphrase", ".venv/x"]


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_a_readme_shows_the_printed_steps_and_every_secret_of_ci(name, files):
    text = files[name]
    used = set(re.findall(r"(?:secrets|vars)\.(\w+)", files[".github/workflows/pulumi.yaml"]))

    assert "\n".join(project_files.STEPS) in text
    assert used
    assert all(f"`{secret}`" in text for secret in used)
    assert all(f"`{seller.key}`" in text for seller in project_files.sellers())


def test_a_second_run_is_refused_with_the_names_and_changes_nothing(tmp_path, capsys):
    _kokunai("new", tmp_path / "own")
    stack = tmp_path / "own/Pulumi.local.yaml"
    stack.write_text("mine\n")

    with pytest.raises(SystemExit) as end:
        _kokunai("new", tmp_path / "own")

    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "空ではない" in said
    assert "is not empty" in said
    assert "Pulumi.local.yaml" in said
    assert stack.read_text() == "mine\n"
    assert _written(tmp_path / "own") == FILES


def test_the_folder_of_the_shell_may_hold_git_and_a_virtual_environment(tmp_path, monkeypatch):
    for name in (".git", ".venv"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)

    _kokunai("new", ".")

    assert _written(Path.cwd()) == FILES
    assert {".git", ".venv"} < {entry.name for entry in tmp_path.iterdir()}


def test_the_next_steps_leave_out_what_is_done(tmp_path, monkeypatch, capsys):
    (tmp_path / ".venv").mkdir()
    monkeypatch.chdir(tmp_path)

    _kokunai("new", ".")

    said = capsys.readouterr().out
    assert "次に / next" in said
    assert ".venv/bin/pip install -r requirements.txt" in said
    assert "venv .venv" not in said
    assert "cd " not in said


def test_the_printed_folder_can_be_pasted_into_a_shell(tmp_path, capsys):
    _kokunai("new", tmp_path / "国内 の GPU")

    step = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  cd "))
    ended = subprocess.run(["sh", "-ec", f"{step}; ls"], capture_output=True, text=True, check=True)
    assert "Pulumi.yaml" in ended.stdout


def test_a_file_in_the_way_is_a_sentence_and_no_traceback(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(KokunaiError, match="に書けません"):
        new.write({"a": "b\n"}, tmp_path / "file" / "own")


def test_nothing_is_left_where_writing_fails(tmp_path):
    with pytest.raises(KokunaiError):
        new.write({"a": "b\n", "a/b": "a file cannot be a folder\n"}, tmp_path / "own")

    assert list(tmp_path.iterdir()) == []


def _cut_run(directory: Path, files: dict[str, str], *left_out: str) -> None:
    """What a run leaves that is killed while it moves its files."""
    new.write({path: text for path, text in files.items() if path not in left_out}, directory)
    (directory / ".kokunai-new-0a1b2c3d").mkdir()
    (directory / ".kokunai-new-0a1b2c3d/README.md").write_text("half a fi")


def test_a_killed_run_is_finished_by_the_next(tmp_path, files):
    _cut_run(tmp_path, files, "README.md", "Pulumi.yaml")

    new.write(files, tmp_path)

    assert _written(tmp_path) == FILES
    assert {path: (tmp_path / path).read_text() for path in files} == files


def test_a_file_of_the_users_beside_a_killed_run_still_refuses(tmp_path, files):
    _cut_run(tmp_path, files, "README.md")
    (tmp_path / "policies/mine.yaml").write_text("rule: mine")

    with pytest.raises(KokunaiError, match=r"it holds: policies$"):
        new.write(files, tmp_path)

    assert not (tmp_path / "README.md").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("cluster", "cluster"),
        ("国内 の GPU", "GPU"),
        ("my cluster", "my-cluster"),
        ("国内", "gpu-cluster"),
        ("Pulumi", "gpu-cluster"),
        ("ｇｐｕ２", "gpu2"),
    ],
)
def test_a_project_is_named_after_its_folder_where_pulumi_allows_it(tmp_path, folder, name):
    assert project_files.project_name(tmp_path / folder) == name


@pytest.mark.parametrize(
    "name", ["", "国内", "a b", "a" * 101, "pulumi", "Pulumi.x", "a\n", "x: y"]
)
def test_a_name_pulumi_would_refuse_is_refused_with_what_is_allowed(tmp_path, name):
    with pytest.raises(KokunaiError) as refusal:
        project_files.project_name(tmp_path, name)

    assert "使えません" in refusal.value.ja
    assert "A-Z a-z 0-9" in refusal.value.en


@pytest.mark.parametrize("name", ["123", "yes", "1e3", "null", "a.b"])
def test_a_name_stays_text_in_yaml(name):
    files = project_files.render(name, project_files.sellers())

    assert yaml.safe_load(files["Pulumi.yaml"])["name"] == name


def test_an_unknown_seller_is_refused_with_those_of_the_catalogue(tmp_path, capsys):
    with pytest.raises(SystemExit):
        _kokunai("new", tmp_path / "own", "--seller", "amazon")

    said = capsys.readouterr().err
    assert "指定できるもの: sakura" in said
    assert "allowed: sakura" in said
    assert not (tmp_path / "own").exists()


def test_a_template_has_the_placeholders_of_pulumi_and_a_project_has_none(files):
    template = project_files.render("unused", project_files.sellers(), is_template=True)

    project = yaml.safe_load(template["Pulumi.yaml"])
    assert (project["name"], project["description"]) == ("${PROJECT}", "${DESCRIPTION}")
    assert project_files.STEPS[-1] in project["template"]["quickstart"]
    assert template["README.md"].startswith("# ${PROJECT}\n")
    assert template.keys() == files.keys() == FILES
    assert not any("${PROJECT}" in text or "${DESCRIPTION}" in text for text in files.values())
    assert "template" not in yaml.safe_load(files["Pulumi.yaml"])


def test_help_explains_in_both_languages(capsys):
    _kokunai("new", "--help")

    said = capsys.readouterr().out
    assert "自分のプロジェクトを作ります" in said
    assert all(option in said for option in ("--name", "--seller", "--template"))


def test_the_umask_of_the_caller_decides_who_may_read_the_files(tmp_path):
    before = os.umask(0o027)
    try:
        new.write({"a": "b\n"}, tmp_path / "own")
    finally:
        os.umask(before)

    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "own/a").stat().st_mode & 0o777 == 0o640


def test_the_command_starts_without_the_packages_of_the_extras(tmp_path):
    program = (
        "import sys\n"
        "for name in ('starlette', 'uvicorn', 'pulumi_policy'): sys.modules[name] = None\n"
        "from kokunai.cli import main; main(sys.argv[1:])"
    )

    subprocess.run([sys.executable, "-c", program, "new", tmp_path / "own"], check=True)

    assert _written(tmp_path / "own") == FILES
