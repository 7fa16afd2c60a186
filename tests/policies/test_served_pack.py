"""The rules through the real pack process: secrets, unknown values, levels and signals."""

import os
import pwd
import signal
import subprocess
import sys

import pytest
from policy_examples import every_example
from pulumi.runtime.proto import analyzer_pb2
from served_pack import UNKNOWN, secret, text_asset, urn_of

from kokunai_policy import rulebook

DOMESTIC = {"site": "sakura-ishikari", "zone": "is1a", "labels": {"data-class": "internal"}}
SERVER = "kokunai:sakura:Server"
BUCKET = "aws:s3/bucket:Bucket"
TOKYO = ("pulumi:providers:aws", {"region": "ap-northeast-1"})
STACK = "pulumi:pulumi:Stack"
# The process has one environment and no lab; examples with another context are judged elsewhere.
PLAIN = [
    one for one in every_example() if not {"lab", "environment", "state", "waivers"} & set(one.row)
]


def found(said):
    return [(one.rule, one.path) for one in said]


@pytest.mark.parametrize("example", PLAIN, ids=[one.id for one in PLAIN])
def test_an_example_reaches_the_engine_as_one_mandatory_finding_or_none(pack, example):
    provider = None if not example.row.get("custom", True) else TOKYO
    if example.row["type"].startswith("kokunai:"):
        provider = provider and "kokunai"

    said = pack.analyze(example.row["type"], example.row["props"], provider=provider)

    expected = [] if example.good else [(example.rule, example.row["path"])]
    assert found(said) == expected
    assert all(one.mandatory for one in said)


def test_a_message_has_its_rule_once_and_both_languages(pack):
    [said] = pack.analyze(SERVER, {**DOMESTIC, "labels": {}})

    assert said.message.count("KN-CLS-01 (") == 1
    assert "ラベル data-class がありません" in said.message
    assert "label data-class is missing" in said.message


@pytest.mark.parametrize("kind", UNKNOWN)
def test_each_kind_of_unknown_value_is_a_mandatory_finding(pack, kind):
    said = pack.analyze(SERVER, {**DOMESTIC, "zone": UNKNOWN[kind]})

    assert found(said) == [("KN-LOC-01", "zone")]
    assert said[0].mandatory


def test_an_unknown_value_does_not_hide_a_later_violation(pack):
    props = {"a": UNKNOWN["object"], "z": {"region": "us-east-1"}}

    said = pack.analyze(BUCKET, props, provider=TOKYO)

    assert found(said) == [("KN-LOC-02", "z.region"), ("KN-LOC-06", "a")]
    assert all(one.mandatory for one in said)


def test_unknown_labels_and_site_are_each_reported(pack):
    props = {"site": UNKNOWN["string"], "zone": "is1a", "labels": UNKNOWN["object"]}

    said = pack.analyze(SERVER, props)

    assert found(said) == [("KN-LOC-01", "site"), ("KN-CLS-01", "labels")]


def test_an_id_that_is_made_later_may_be_unknown(pack):
    nics = [{"switchId": UNKNOWN["string"], "packetFilterId": UNKNOWN["string"]}]

    assert pack.analyze(SERVER, {**DOMESTIC, "nics": nics}) == []


def test_unknown_variables_are_reported_by_every_rule_that_reads_them(pack):
    props = {**DOMESTIC, "variables": UNKNOWN["object"]}
    del props["zone"]

    said = pack.analyze("kokunai:ansible:Configuration", props)

    assert {one.rule for one in said} == {"KN-NTP-01", "KN-DNS-01", "KN-PKG-01", "KN-LOC-06"}
    assert {one.path for one in said} == {"variables"}


def test_a_secret_is_judged_and_never_shown(pack):
    props = {**DOMESTIC, "password": secret("hunter2-eu-west-1"), "zone": secret("zz9top")}

    said = pack.analyze(SERVER, props)

    assert found(said) == [("KN-LOC-01", "zone"), ("KN-LOC-06", "password")]
    assert all("hunter2" not in one.message for one in said)
    assert all("eu-west-1" not in one.message and "zz9top" not in one.message for one in said)


PEM = "-----BEGIN KEY-----\nProc-Type: 4,ENCRYPTED\nMIIEpAIBAAKCAQEA\n-----END KEY-----\n"


@pytest.mark.parametrize("text", [PEM, "machine: a\npassword: b\n", "---\n", '{"a": 1}'])
def test_a_secret_of_several_lines_passes(pack, text):
    assert pack.analyze(SERVER, {**DOMESTIC, "password": secret(text)}) == []


INSIDE_SECRETS = {
    "json": '{"hunter2": {"region": "us-east-1"}}',
    "yaml": "user: a\nhunter2: {us-east-1: b}\n",
}


@pytest.mark.parametrize("layer", INSIDE_SECRETS)
def test_the_keys_within_a_secret_text_are_not_shown_either(pack, layer):
    props = {**DOMESTIC, "credentials": [secret(INSIDE_SECRETS[layer])]}

    said = pack.analyze(SERVER, props)

    assert said
    assert all(one.path.startswith("credentials[0]") for one in said)
    assert all("hunter2" not in one.message for one in said)


def test_a_secret_that_could_not_be_decrypted_is_unknown(pack):
    assert found(pack.analyze(SERVER, {**DOMESTIC, "zone": "[secret]"})) == [("KN-LOC-01", "zone")]


def test_the_text_of_an_asset_is_read(pack):
    said = pack.analyze(BUCKET, {"source": text_asset("AWS_REGION=us-west-2")}, provider=TOKYO)

    assert found(said) == [("KN-LOC-06", "source")]


def test_a_provider_that_was_not_judged_itself_is_judged_with_its_resource(pack_with):
    pack = pack_with("")
    evil = ("pulumi:providers:kokunai", {"sakuraApiRootUrl": "https://evil.example/"})

    said = pack.analyze(SERVER, DOMESTIC, provider=evil)

    assert found(said) == [("KN-OPR-01", "sakuraApiRootUrl")]


def test_the_findings_of_a_judged_provider_are_not_repeated_on_its_resources(pack_with):
    pack = pack_with("")
    token, props = "pulumi:providers:kokunai", {"sakuraApiRootUrl": "https://evil.example/"}

    at_provider = pack.analyze(token, props, name="default", provider=None)
    at_resource = pack.analyze(SERVER, DOMESTIC, provider=(token, props))

    assert found(at_provider) == [("KN-OPR-01", "sakuraApiRootUrl")]
    assert at_resource == []


def test_the_environment_can_name_an_endpoint_too(pack_with):
    pack = pack_with("", SAKURA_API_ROOT_URL="https://api.example.com/")

    [said] = pack.analyze("pulumi:providers:kokunai", {}, provider=None)

    assert said.rule == "KN-OPR-01"
    assert "SAKURA_API_ROOT_URL" in said.path


def test_a_stack_of_the_lab_may_call_this_machine(pack_with):
    pack = pack_with("", PULUMI_CONFIG='{"kokunai:environment": "{\\"lab\\": true}"}')
    props = {"sakuraApiRootUrl": "http://127.0.0.1:23456/cloud/zone"}

    assert pack.analyze("pulumi:providers:kokunai", props, provider=None) == []


def test_a_stack_in_a_file_backend_passes(pack):
    assert pack.analyze(STACK, {}, provider=None) == []


def test_a_stack_in_the_default_backend_is_refused(pack_with):
    pack = pack_with("", PULUMI_BACKEND_URL="https://api.pulumi.com")

    said = pack.analyze(STACK, {}, provider=None)

    assert found(said) == [("KN-STA-01", "backend.url"), ("KN-STA-02", "secretsprovider")]


WAIVER = """
waivers:
  - rule: KN-CLS-01
    urn: {urn}
    reason: imported, label follows
    requester: sato
    approver: suzuki
    ticket: OPS-1
    expires: {day}
"""


def _waiver(token, day="2026-12-31"):
    return WAIVER.format(urn=urn_of(token), day=day)


@pytest.fixture
def soon():
    from datetime import timedelta

    from kokunai_policy.context import today_in_japan

    return (today_in_japan() + timedelta(days=30)).isoformat()


def test_a_waived_finding_is_shown_as_advice(pack_with, soon):
    pack = pack_with(_waiver(SERVER, soon))

    [said] = pack.analyze(SERVER, {**DOMESTIC, "labels": {}})

    assert (said.policy, said.rule, said.mandatory) == ("kokunai-advice", "KN-CLS-01", False)
    assert "imported, label follows" in said.message
    assert pack.analyze_stack([SERVER]) == []


def test_a_waiver_holds_for_exactly_one_resource(pack_with, soon):
    pack = pack_with(_waiver(SERVER, soon))

    [said] = pack.analyze(SERVER, {**DOMESTIC, "labels": {}}, name="other")

    assert said.mandatory


def test_an_unused_waiver_is_a_finding(pack_with, soon):
    pack = pack_with(_waiver(SERVER, soon))
    pack.analyze(SERVER, DOMESTIC)

    [said] = pack.analyze_stack([SERVER])

    assert said.rule == "KN-ESC-07"
    assert said.mandatory


@pytest.mark.parametrize("whose", ["urn:pulumi:prod::example", "urn:pulumi:test::another"])
def test_the_waiver_of_another_stack_is_left_alone(pack_with, soon, whose):
    text = _waiver(SERVER, soon).replace("urn:pulumi:test::example", whose)
    pack = pack_with(text)
    pack.analyze(SERVER, DOMESTIC)

    assert pack.analyze_stack([SERVER]) == []


def test_the_waiver_of_a_resource_outside_this_run_is_left_alone(pack_with, soon):
    assert pack_with(_waiver(SERVER, soon)).analyze_stack([SERVER]) == []


def test_an_ended_waiver_is_a_finding_and_waives_nothing(pack_with):
    pack = pack_with(_waiver(SERVER, "2020-01-01"))

    at_stack = pack.analyze(STACK, {}, provider=None)
    at_server = pack.analyze(SERVER, {**DOMESTIC, "labels": {}})

    assert found(at_stack) == [("KN-ESC-07", "waivers[0].expires")]
    assert [one.mandatory for one in at_server] == [True]


OWN_FACTS = """
operators:
  ourselves: {ja: 社内, en: ourselves, country: JP, owner: sato, reason: own data centre}
hosts:
  time: [{host: ntp.example.jp, operator: ourselves, owner: sato, reason: own clock}]
"""
OWN_CLOCK = {
    "site": "sakura-ishikari",
    "labels": {"data-class": "internal"},
    "variables": {"ntp_servers": ["ntp.example.jp"], "package_sources": [{"uri": "file:///a"}]},
}


def test_facts_of_the_project_count_in_its_pack(pack, pack_with):
    configuration = "kokunai:ansible:Configuration"

    assert found(pack.analyze(configuration, OWN_CLOCK)) == [
        ("KN-NTP-01", "variables.ntp_servers[0]")
    ]
    assert pack_with(facts=OWN_FACTS).analyze(configuration, OWN_CLOCK) == []


def test_broken_facts_of_the_project_are_a_finding(pack_with):
    said = pack_with(facts="hosts: {mail: []}\n").analyze(STACK, {}, provider=None)

    assert [one.rule for one in said] == ["KN-ESC-07"]
    assert "policies/facts.yaml" in said[0].message


def test_a_level_of_remediate_still_refuses(pack_with):
    pack = pack_with()
    pack.configure({"kokunai-labels": analyzer_pb2.REMEDIATE})

    [said] = pack.analyze(SERVER, {**DOMESTIC, "labels": {}})

    assert said.mandatory


def test_every_policy_is_mandatory_unless_configured_otherwise(pack):
    levels = {one.name: one.enforcementLevel for one in pack.info().policies}

    assert levels.pop("kokunai-advice") == analyzer_pb2.ADVISORY
    assert set(levels.values()) == {analyzer_pb2.MANDATORY}


def test_the_same_resource_is_judged_anew_on_every_call(pack):
    first = pack.analyze(SERVER, {**DOMESTIC, "labels": {}}, name="twice")
    second = pack.analyze(SERVER, DOMESTIC, name="twice")

    assert (len(first), len(second)) == (1, 0)


def test_a_resource_is_judged_anew_while_a_group_is_disabled(pack_with):
    pack = pack_with("")
    pack.configure({"kokunai-location": analyzer_pb2.DISABLED})
    first = pack.analyze(SERVER, {**DOMESTIC, "labels": {}})
    second = pack.analyze(SERVER, DOMESTIC)

    assert (len(first), len(second)) == (1, 0)


def test_a_weakened_level_is_told_in_both_languages(pack_with):
    pack = pack_with("")
    pack.configure({"kokunai-time": analyzer_pb2.ADVISORY, "kokunai-state": analyzer_pb2.MANDATORY})

    _, stderr = pack.stop()

    assert "規則が設定で弱められています / rules are weakened: kokunai-time: advisory" in stderr
    assert "kokunai-state" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_pack_ends_at_once_and_quietly(pack_with, number):
    assert pack_with("").stop(number) == (0, "")


def test_the_policies_cover_every_group_of_rules(pack):
    groups = {f"kokunai-{rule.group}" for rule in rulebook.rules().values()}

    assert groups <= {one.name for one in pack.info().policies}


@pytest.mark.parametrize("name", ["address", "addresses", "serverId", "sshKeyIds", "publicKey"])
def test_what_is_made_later_may_be_unknown(pack, name):
    assert pack.analyze(SERVER, {**DOMESTIC, "made": {name: UNKNOWN["string"]}}) == []


_ANOTHER_USER = """
import os, sys
import grpc
from google.protobuf.struct_pb2 import Value
from pulumi.runtime.proto import analyzer_pb2_grpc

os.setuid(int(sys.argv[2]))
try:
    analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(sys.argv[1])).GetAnalyzerInfo(
        Value(), timeout=10
    )
    print("answered")
except grpc.RpcError as error:
    print(error.code().name)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_refused(pack):
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    command = [sys.executable, "-c", _ANOTHER_USER, pack.address, nobody]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "PERMISSION_DENIED\n", done.stderr
    assert pack.info().name
