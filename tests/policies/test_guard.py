"""Constructors refuse what the rules refuse, before any resource is declared."""

import pytest

from kokunai.errors import KokunaiError
from kokunai_policy import Context, Resource, guard

LAB = Context(lab=True)
GOOD = {"site": "sakura-ishikari", "zone": "is1a", "labels": {"data-class": "internal"}}


def switch(name="net", **props):
    return Resource(type="kokunai:sakura:Switch", name=name, props={**GOOD, **props})


def refusal(resources, context=LAB):
    with pytest.raises(KokunaiError) as refused:
        guard(resources, context)
    return refused.value


def test_domestic_resources_are_let_through():
    guard([switch()], LAB)


def test_every_finding_is_listed_once_in_both_languages():
    refused = refusal(
        [switch("a", site="mars"), switch("b", labels={}), switch("c", note="us-east-1")]
    )

    text = str(refused)
    assert [text.count(f"{rule} (") for rule in ("KN-LOC-01", "KN-CLS-01", "KN-LOC-06")] == [
        1,
        1,
        1,
    ]
    assert "kokunai:sakura:Switch a site" in text
    assert "拒否しました（3 件）" in refused.ja
    assert "refused by the domestic-data rules (3)" in refused.en
    assert "label data-class is missing" in refused.en


def test_the_provider_of_many_resources_is_reported_once():
    props = {"sakuraApiRootUrl": "https://evil.example/"}
    provider = Resource("pulumi:providers:kokunai", "first", props)
    resources = [
        Resource("kokunai:sakura:Switch", name, GOOD, provider_props=props) for name in ("a", "b")
    ]

    refused = refusal([provider, *resources])

    assert [one.rule for one in refused.findings] == ["KN-OPR-01"]


def test_the_lab_is_let_through_only_where_the_stack_says_so():
    props = {"sakuraApiRootUrl": "http://127.0.0.1:9/cloud/zone"}
    resource = Resource("kokunai:sakura:Switch", "a", GOOD, provider_props=props)

    guard([resource], LAB)
    assert refusal([resource], Context()).findings[0].rule == "KN-OPR-01"


def test_a_value_that_is_not_plain_yet_is_refused_where_a_rule_reads_it():
    refused = refusal([switch(zone=object())])

    assert [(one.rule, one.path) for one in refused.findings] == [("KN-LOC-01", "zone")]


class Link:
    """Stands where the id or address of another resource will be."""


def test_a_link_may_stand_where_an_id_or_an_address_will_be():
    server = {
        **GOOD,
        "sshKeyIds": [Link()],
        "nics": [{"switchId": Link(), "packetFilterId": Link(), "address": "192.168.10.11"}],
    }
    hosts = [{"name": "n0", "address": Link(), "serverId": Link(), "variables": {}}]
    variables = {"ntp_servers": ["ntp.nict.jp"]}
    configuration = {
        "site": GOOD["site"],
        "labels": GOOD["labels"],
        "variables": variables,
        "hosts": hosts,
    }

    guard(
        [
            Resource("kokunai:sakura:Server", "n0", server),
            Resource("kokunai:ansible:Configuration", "train", configuration),
        ],
        LAB,
    )


@pytest.mark.parametrize("where", ["site", "zone", "labels", "startupScript"])
def test_a_link_hides_nothing_where_a_rule_reads_the_value(where):
    refused = refusal([switch(**{where: Link()})])

    assert [row.path for row in refused.findings] == [where]
