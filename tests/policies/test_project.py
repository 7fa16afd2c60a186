"""Where state and secret keys are is found out as Pulumi itself would."""

import json
from pathlib import Path

import pytest

from kokunai_policy import Resource, judge, project
from kokunai_policy.verdicts import how_to_waive

CLOUD = "https://api.pulumi.com"


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: example\nstackConfigDir: stacks\nmain: stacks\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


def stack_file(folder, text):
    (folder / "stacks" / "Pulumi.dev.yaml").write_text(text)


def environment(folder, **more):
    given = {"PWD": str(folder), "HOME": str(folder), "PULUMI_PROJECT": "example"}
    return {**given, "PULUMI_STACK": "dev", **more}


def context(folder, **more):
    return project.pack_context(environment(folder, **more), folder / "policies")


def test_the_environment_decides_over_the_project_file(folder):
    (folder / "Pulumi.yaml").write_text("name: example\nbackend: {url: 'file:///written'}\n")

    written = context(folder).state.backend_url
    given = context(folder, PULUMI_BACKEND_URL="file:///given").state.backend_url

    assert (written, given) == ("file:///written", "file:///given")


def test_a_login_on_the_machine_counts_when_nothing_else_is_said(folder):
    (folder / ".pulumi").mkdir()
    login = {"current": "s3://state?region=us-east-1"}
    (folder / ".pulumi" / "credentials.json").write_text(json.dumps(login))

    assert context(folder).state.backend_url == "s3://state?region=us-east-1"


def test_without_any_login_the_state_goes_to_the_default_service(folder):
    state = context(folder).state

    assert (state.backend_url, state.secrets_provider) == (CLOUD, "default")


SECRETS = [
    ("secretsprovider: awskms://alias/k?region=us-east-1\n", "awskms://alias/k?region=us-east-1"),
    ("encryptionsalt: v1:abc\n", "passphrase"),
    ("config: {}\n", "passphrase"),
    ("secretsprovider: awskms://alias/k\nnote: 2026-13-45\n", "awskms://alias/k"),
]


@pytest.mark.parametrize(("text", "provider"), SECRETS)
def test_the_stack_file_names_the_secrets_provider(folder, text, provider):
    stack_file(folder, text)

    state = context(folder, PULUMI_BACKEND_URL="file:///state").state

    assert state.secrets_provider == provider


UNREADABLE = [
    "secretsprovider: awskms://alias/k\nsecretsprovider: passphrase\n",
    "secretsprovider: awskms://alias/k\n---\n",
    "note: " + "[" * 20_000,
    "- a\n",
]


@pytest.mark.parametrize(
    "text", UNREADABLE, ids=["a key twice", "two documents", "nesting", "a list"]
)
def test_a_stack_file_that_cannot_be_read_leaves_the_secrets_provider_unknown(folder, text):
    stack_file(folder, text)

    assert context(folder, PULUMI_BACKEND_URL="file:///state").state.secrets_provider is None


def test_a_project_that_cannot_be_found_leaves_the_secrets_provider_unknown(folder):
    found = context(folder, PULUMI_PROJECT="another", PULUMI_BACKEND_URL="file:///state")

    assert found.state.secrets_provider is None


def test_a_project_is_found_from_a_folder_within_it(folder):
    assert project.find("example", iter([folder / "stacks"])) == folder


def test_file_assets_start_in_the_program_folder(folder):
    assert context(folder).directory == folder / "stacks"


LABS = [
    ('{"kokunai:environment": "{\\"lab\\": true}"}', True),
    ('{"kokunai:environment": "{\\"lab\\": \\"true\\"}"}', False),
    ('{"kokunai:environment": "not JSON"}', False),
    ('{"other:environment": "{\\"lab\\": true}"}', False),
    ("", False),
]


@pytest.mark.parametrize(("config", "is_lab"), LABS)
def test_only_the_stack_file_makes_a_stack_one_of_the_lab(folder, config, is_lab):
    assert context(folder, PULUMI_CONFIG=config).lab is is_lab


def test_a_state_file_is_judged_with_the_stack_file_that_its_urns_name(folder):
    stack_file(folder, "config:\n  kokunai:environment: {lab: true}\n")
    given = environment(folder)
    del given["PULUMI_STACK"], given["PULUMI_PROJECT"]
    urn = "urn:pulumi:dev::example::kokunai:sakura:Switch::net"

    assert project.pack_context(given, folder, urn).lab


@pytest.mark.parametrize(("said", "is_lab"), [("true", True), ("yes", False), ("on", False)])
def test_a_stack_file_means_here_what_it_means_to_pulumi(folder, said, is_lab):
    stack_file(folder, f"config:\n  kokunai:environment: {{lab: {said}}}\n")

    assert context(folder).lab is is_lab


def write_policies(folder):
    (folder / "policies").mkdir()
    (folder / "policies" / "waivers.yaml").write_text("waivers: [{}]\n")
    (folder / "policies" / "facts.yaml").write_text("hosts: []\n")


def test_a_pack_of_the_project_and_its_program_name_the_same_file(folder):
    write_policies(folder)

    pack = context(folder)
    program = project.program_context(
        folder, stack="dev", project="example", lab=False, environment={}
    )

    assert (pack.waivers.file, pack.waivers.beside) == ("policies/waivers.yaml", "")
    assert pack.waivers == program.waivers


def test_a_pack_for_many_projects_names_its_own_files_and_that_of_the_program(folder, tmp_path):
    company = tmp_path / "company"
    company.mkdir()
    (company / "waivers.yaml").write_text("waivers: [{}]\n")
    (company / "facts.yaml").write_text("hosts: []\n")

    given = project.pack_context(environment(folder), company)
    resource = Resource("command:local:Command", "x", {})
    findings = judge(resource, given)
    said = "\n".join([*(row.ja + row.en for row in findings), how_to_waive(findings)])

    assert f"{company}/waivers.yaml" in said
    assert f"{folder}/policies/waivers.yaml" in said
    assert " policies/" not in said
    for problem in (*given.waivers.problems(given.today), *given.facts.problems):
        assert problem.en.startswith(f"{company}/")
        assert problem.ja.startswith(f"{company}/")


def test_waivers_and_facts_are_those_of_the_project_of_a_program(folder):
    write_policies(folder)

    given = project.program_context(
        folder, stack="dev", project="example", lab=True, environment={}
    )

    assert (given.lab, given.stack) == (True, "dev::example")
    assert given.waivers.entries == ({},)
    assert [row.path for row in given.facts.problems] == ["hosts"]


def test_waivers_and_facts_of_a_pack_are_those_beside_it(folder):
    write_policies(folder)

    given = context(folder)

    assert given.waivers.entries == ({},)
    assert [row.path for row in given.facts.problems] == ["hosts"]
