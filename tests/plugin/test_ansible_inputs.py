"""Every mistake of a configuration's inputs at once, on its property."""

import pytest

from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.inputs import ConfigurationInputs
from kokunai.plugin.inputs import checked
from kokunai.plugin.kind import UNKNOWN


def _inputs(**changes):
    host = {"name": "node-1", "address": "198.18.0.11", "serverId": "1", "user": "root"}
    plain = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "domestic"},
        "pool": "train",
        "hosts": [host],
        "roleDigest": "aa",
        "variables": {},
        "privateKeyFile": ".kokunai/id",
        "keyId": "0123456789ab",
    }
    return {**plain, **changes}


def _host(**changes):
    return {**_inputs()["hosts"][0], **changes}


def test_good_inputs_get_their_defaults():
    result = checked(ConfigurationInputs, _inputs())

    assert result.failures == ()
    assert result.inputs["hosts"][0]["port"] == 22


def test_an_address_may_be_unknown_in_preview():
    unknown = _host(address=UNKNOWN, serverId=UNKNOWN)

    assert checked(ConfigurationInputs, _inputs(hosts=[unknown])).failures == ()
    assert checked(ConfigurationInputs, _inputs(hosts=UNKNOWN)).failures == ()


def test_every_mistake_is_told_at_once():
    hosts = [_host(address="-oProxyCommand=x"), _host(name="b", user="-l", port=70000)]

    failures = checked(
        ConfigurationInputs, _inputs(hosts=hosts, variables={"ansible_user": "x"}, pool="")
    ).failures

    paths = {one.path for one in failures}
    assert paths == {"hosts[0].address", "hosts[1].user", "hosts[1].port", "variables", "pool"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hosts": [_host(), _host()]}, "given twice: node-1"),
        ({"variables": {"x": "{{ lookup('pipe', 'id') }}"}}, "template marks"),
        ({"variables": {"x": [{"y": "{% if a %}"}]}}, "template marks"),
        ({"variables": {"x": "a {# b"}}, "template marks"),
        ({"variables": {"base_x": [{"components": ["main\nURIs: file:/x"]}]}}, "line break"),
        ({"variables": {"nccl_environment": {"A\x1b[2J": "x"}}}, "U+001B"),
        ({"hosts": [_host(variables={"base_host_name": "a\u2028b"})]}, "line break"),
        ({"variables": {"Upper": 1}}, "lower case"),
        (
            {"variables": {"base_ntp_servers": ["a", "b\nserver c"]}},
            "base_ntp_servers[1] must hold",
        ),
        ({"variables": {"base_ntp_servers": ["a b"]}}, "one word"),
        ({"variables": {"base_package_sources": [{"components": ["main\nURIs: x"]}]}}, "U+000A"),
        ({"variables": {"base_kernel_parameters": {"a b": "1"}}}, "one word"),
        ({"variables": {"base_kernel_parameters": {"a": "1\nb = 2"}}}, "U+000A"),
        ({"variables": {"storage_client_mounts": [{"path": "/a\u2028b"}]}}, "U+2028"),
        ({"variables": {"motd": "a\x1b[2Jb"}}, "U+001B"),
        ({"hosts": [_host(variables={"base_host_name": "a\nb"})]}, "U+000A"),
        ({"privateKeyFile": "a\nb"}, "U+000A"),
        ({"secretVariables": {"ansible_password": "x"}}, "not starting with ansible_"),
    ],
)
def test_what_would_confuse_ansible_is_refused(changes, said):
    failures = checked(ConfigurationInputs, _inputs(**changes)).failures

    assert len(failures) == 1
    assert said in failures[0].en
    assert failures[0].ja


def test_what_is_one_line_or_another_roles_text_is_left_alone():
    variables = {
        "base_kernel_parameters": {"net.ipv4.tcp_rmem": "4096 87380 6291456"},
        "base_ntp_servers": ["ntp.nict.jp", UNKNOWN],
        "base_package_holds": ["linux-image-*"],
        "motd": "ようこそ。\n2 行目です。\tok\n",
    }

    assert checked(ConfigurationInputs, _inputs(variables=variables)).failures == ()


def test_a_role_of_ones_own_may_be_told_several_lines():
    assert checked(ConfigurationInputs, _inputs(variables={"motd": "a\nb"})).failures == ()


def test_a_secret_may_look_like_a_template():
    secrets = {"package_source_credentials": "machine m login l password {{x}}"}

    assert checked(ConfigurationInputs, _inputs(secretVariables=secrets)).failures == ()


def test_the_schema_marks_the_secret_and_lists_all_outputs():
    schema = Configuration().schema()

    assert schema["properties"]["secretVariables"]["secret"] is True
    computed = schema["properties"].keys() - schema["inputProperties"].keys()
    assert computed == {"hostDigests", "results", "verified", "hostKeys", "drift"}
