"""Ways to slip something foreign past the rules, each closed."""

import base64
import gzip
import io
import json
import tarfile
import time

import pulumi
import pytest
from policy_examples import TODAY
from pulumi_policy import proxy
from served_pack import UNKNOWN

from kokunai_policy import Context, Resource, checks, judge, waivers

DOMESTIC = {"site": "sakura-ishikari", "zone": "is1a", "labels": {"data-class": "internal"}}
CONTEXT = Context(today=TODAY, waivers=waivers.Waivers())


def b64(text):
    return base64.b64encode(text.encode()).decode()


def found(token, props, context=CONTEXT):
    return [(one.rule, one.path) for one in judge(Resource(token, "x", props), context)]


def server(**props):
    return found("kokunai:sakura:Server", {**DOMESTIC, **props})


HIDDEN = {
    "nested": {"a": [{"b": {"note": "us-east-1"}}]},
    "a key": {"us-east-1": True},
    "an ARN": "arn:aws:s3:us-east-1:123456789012:bucket",
    "a URL's query": "https://example.com/?endpoint=x&place=eu-central-1",
    "percent encoding": "us%2Deast%2D1",
    "base64": b64("export AWS_DEFAULT_REGION=us-west-2"),
    "base64 in base64": b64(b64("export AWS_DEFAULT_REGION=us-west-2")),
    "base64 of gzip": base64.b64encode(gzip.compress(b"place: ap-southeast-1")).decode(),
    "base64 within text": f"#cloud-config\nruncmd:\n- {b64('x = eu-west-3 for all')}\n",
    "URL-safe base64": base64.urlsafe_b64encode(b"\xef\xbc\x9fplace=eu-west-1>>>???").decode(),
    "JSON with escapes": json.dumps({"x": "us-east-1"}).replace("-", "\\u002d"),
    "YAML with escapes": 'x:\n  y: "us\\x2deast-1"\n',
    "full width": "ｕｓ－ｅａｓｔ－１",
    "upper case": "US-EAST-1",
    "Seoul": "ap-northeast-2",
    "Seoul at Google": "asia-northeast3-a",
    "Seoul at Azure": "koreacentral",
    "Taipei, named after Tokyo": "ap-northeast-1-tpe-1a",
    "an availability zone id": "use1-az4",
    "a zone id in Beijing": "cnn1-az1",
    "a zone id in Ningxia": "cnnw1-az1",
    "a zone id in Singapore": "apse1-az2",
    "a zone id of the government cloud": "usgw1-az1",
    "Oracle": "us-ashburn-1",
    "bytes": b"region us-east-1",
    "text asset": pulumi.StringAsset("AWS_REGION=us-west-2"),
    "archive of assets": pulumi.AssetArchive({"a/b": pulumi.StringAsset("us-west-2")}),
    "remote asset": pulumi.RemoteAsset("https://example.com/x"),
    "remote archive": pulumi.RemoteArchive("https://example.com/x.zip"),
    "missing file": pulumi.FileAsset("/nonexistent/file"),
    "five layers": b64(b64(b64(b64(b64(b64("too deep to look at, so refused")))))),
    "two MiB": "x" * (2 << 20),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_a_foreign_region_is_found_in(what):
    reported = server(startupScript=HIDDEN[what])

    assert len(reported) == 1
    assert reported[0][0] == "KN-LOC-06"
    assert reported[0][1].startswith("startupScript")


HARMLESS = [
    "ap-northeast-1",
    "asia-northeast2-b",
    "japaneast",
    "ap-tokyo-1",
    "ap-server-1",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkZ0gq0Hf7V3x2b6c8d0e1f2a3b4c5d6e7f8a9b0c1d user@host",
    "#!/bin/sh\nset -eu\necho 'hello: world'\n",
    "focus-east-1",
    "node1-az2",
    "Debian GNU/Linux 12 (bookworm) 64bit",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_value_passes(text):
    assert server(startupScript=text) == []


def test_a_file_asset_is_read_from_the_program_folder(tmp_path):
    (tmp_path / "init.sh").write_text("curl https://s3.eu-west-1.example.com")
    context = Context(today=TODAY, waivers=waivers.Waivers(), directory=tmp_path)
    props = {**DOMESTIC, "startupScript": pulumi.FileAsset("init.sh")}

    assert found("kokunai:sakura:Server", props, context) == [
        ("KN-LOC-06", 'startupScript["init.sh"]')
    ]


def test_a_tar_archive_is_read(tmp_path):
    content = b"region = us-east-1"
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("etc/conf")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))

    [(rule, path)] = server(startupScript=pulumi.FileArchive(str(tmp_path / "a.tar.gz")))

    assert (rule, path) == ("KN-LOC-06", 'startupScript["etc/conf"]')


def test_yaml_that_grows_without_end_is_refused():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )

    assert {rule for rule, _ in server(startupScript=bomb)} == {"KN-LOC-06"}


ENDLESS = {
    "brackets": "[" * 100_000,
    "braces": "{" * 1_000_000,
    "a list that holds itself": "a: &a [*a]\n",
    "many keys": "\n".join(f"k{number}: {number}" for number in range(70_000)),
    "many numbers": json.dumps(list(range(120_000))),
    "many encoded words": " ".join(b64(f"hello world {number}") for number in range(40_000)),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_value_without_end_is_refused_once_and_hides_nothing(what):
    assert server(startupScript=ENDLESS[what], zone="us-east-1") == [
        ("KN-LOC-01", "zone"),
        ("KN-LOC-06", "startupScript"),
    ]


def test_an_endpoint_without_end_is_judged_in_time():
    started = time.process_time()
    reported = found(
        "pulumi:providers:kokunai", {"sakuraApiRootUrl": "http://a " + "東京" * 300_000}
    )

    assert reported == [("KN-OPR-01", "sakuraApiRootUrl")]
    assert time.process_time() - started < 2


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_unknown_value_hides_nothing_whichever_comes_first(where):
    unknown, bad = {"a": UNKNOWN["string"]}, {"b": "us-east-1"}
    props = {**unknown, **bad} if where == "before" else {**bad, **unknown}

    wrapped = proxy.unknown_checking_proxy({**DOMESTIC, "extra": [props]})

    assert set(found("kokunai:sakura:Server", wrapped)) == {
        ("KN-LOC-06", "extra[0].a"),
        ("KN-LOC-06", "extra[0].b"),
    }


def test_properties_that_are_unknown_as_a_whole_fail_every_rule_that_reads_them():
    reported = found("kokunai:sakura:Server", UNKNOWN["object"])

    assert {rule for rule, _ in reported} == {"KN-LOC-01", "KN-LOC-06", "KN-CLS-01"}


def test_an_unknown_label_site_is_one_finding():
    labels = {"data-class": "internal", "site": UNKNOWN["string"]}

    assert server(labels=labels) == [("KN-LOC-06", "labels.site")]


def test_an_output_in_a_governed_property_is_unknown():
    class Later:
        """Stands for any object that has no plain value yet."""

    assert found("kokunai:sakura:Switch", {**DOMESTIC, "zone": Later()}) == [("KN-LOC-01", "zone")]


ENDPOINTS = [
    "https://secure.sakura.ad.jp@evil.example/cloud/zone",
    "https://secure.sakura.ad.jp:443@evil.example/",
    "https://evil.example\\@secure.sakura.ad.jp/",
    "https://secure.sakura.ad.jp.evil.example/",
    "https://evilsecure.sakura.ad.jp/",
    "https://secure.sakura.ad.jp.:443.evil.example",
    "https://ѕecure.sakura.ad.jp/",
    "https://3221226219/",
    "https://0xcb.0.113.7/",
    "https://[::ffff:203.0.113.7]/",
    "https://127.0.0.1.nip.io/",
    "https:\\\\evil.example\\",
    "https://secure.sakura.ad.jp\\@evil.example/",
    "https://secure.sakura.ad.jp\n.evil.example/",
    "https://secure.sakura.ad.jp\t@evil.example/",
    "https://secure.sakura.ad.jp https://evil.example/",
    "//evil.example",
    "evil.example",
    "https://",
    "http://localhost:9/",
    "http://2130706433/",
    "http://[::1]:9/",
    "http://10.0.0.1/",
    "http://secure.sakura.ad.jp/cloud/zone",
    "HTTP://secure.sakura.ad.jp/cloud/zone",
    "ｈｔｔｐ://secure.sakura.ad.jp/cloud/zone",
    "ftp://secure.sakura.ad.jp/cloud/zone",
    "https://secure.sakura.ad.jp:8443/cloud/zone",
    "https://secure.sakura.ad.jp：８４４３/cloud/zone",
    "https://user@secure.sakura.ad.jp:80/cloud/zone",
]


@pytest.mark.parametrize("url", ENDPOINTS)
def test_an_endpoint_that_only_looks_domestic_is_refused(url):
    props = {"sakuraApiRootUrl": url}

    assert found("pulumi:providers:kokunai", props) == [("KN-OPR-01", "sakuraApiRootUrl")]


GOOD_STORE = "https://s3.isk01.objectstorage.sakurastorage.jp"


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ([], []),
        ([{"s3": GOOD_STORE}], []),
        ([{"s3": "https://evil.example"}], ["endpoints[0].s3 (json)"]),
        ([{"s3": GOOD_STORE}, {"s3": ""}, {"kms": "evil.example"}], ["endpoints[2].kms (json)"]),
        ({"s3": {"url": "evil.example"}}, ["endpoints.s3.url (json)"]),
    ],
)
def test_endpoints_that_an_sdk_packed_as_json_are_judged_one_by_one(given, paths):
    props = {"region": "ap-northeast-1", "endpoints": json.dumps(given)}

    assert found("pulumi:providers:aws", props) == [("KN-OPR-01", path) for path in paths]


SAME_ENDPOINTS = [
    "https://secure.sakura.ad.jp./cloud/zone",
    "HTTPS://SECURE.SAKURA.AD.JP/cloud/zone",
    "https://secure。sakura。ad。jp/cloud/zone",
    "https://user@secure.sakura.ad.jp:443/cloud/zone",
]


@pytest.mark.parametrize("url", SAME_ENDPOINTS)
def test_another_spelling_of_the_domestic_endpoint_passes(url):
    assert found("pulumi:providers:kokunai", {"sakuraApiRootUrl": url}) == []


def test_the_description_of_the_stack_is_no_endpoint_of_its_default_provider():
    hosts = {"package_sources": [{"uri": "http://jp.archive.ubuntu.com/ubuntu"}]}

    given = {"environment": json.dumps({"hosts": hosts})}

    assert found("pulumi:providers:kokunai", given) == []


def configuration(**variables):
    base = {"ntp_servers": ["ntp.nict.jp"], "package_sources": [{"uri": "file:///srv/apt"}]}
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "variables": {**base, **variables},
    }
    return found("kokunai:ansible:Configuration", props)


TIME_SERVERS = [
    "time.google.com",
    "ntp.nict.jp.evil.example",
    "162.159.200.1",
    "169.254.169.123",
    "",
    "ntp.nict.jp iburst",
    "100.64.0.1",
]


@pytest.mark.parametrize("text", TIME_SERVERS)
def test_a_time_server_that_is_not_listed_is_refused(text):
    assert configuration(ntp_servers=[text]) == [("KN-NTP-01", "variables.ntp_servers[0]")]


@pytest.mark.parametrize("text", ["NTP.NICT.JP.", "ntp1.sakura.ad.jp", "10.1.2.3", "fd00::1"])
def test_a_listed_time_server_or_one_inside_the_network_passes(text):
    assert configuration(ntp_servers=[text]) == []


def test_a_package_source_without_an_address_is_refused():
    assert configuration(package_sources=[{"host": "archive.example"}]) == [
        ("KN-PKG-01", "variables.package_sources[0].uri")
    ]


def test_a_package_source_written_as_a_line_is_judged_by_its_host():
    line = "deb http://archive.ubuntu.com/ubuntu noble main"

    assert configuration(package_sources=[line]) == [("KN-PKG-01", "variables.package_sources[0]")]


FIRST = "http://jp.archive.ubuntu.com/ubuntu"
TWO_IN_ONE = [
    f"{FIRST} http://archive.ubuntu.com/ubuntu",
    f"{FIRST}\nURIs: http://archive.ubuntu.com/ubuntu",
    f"{FIRST}\u00a0http://archive.ubuntu.com/ubuntu",
    f"{FIRST}/{{{{'\\x20http://archive.ubuntu.com'}}}}",
    "file:/srv/apt http://archive.ubuntu.com/ubuntu",
]


@pytest.mark.parametrize("uri", TWO_IN_ONE)
def test_an_address_that_holds_another_one_is_refused(uri):
    # What breaks the line is refused by a rule of its own as well.
    rules = ["KN-PKG-01", *(["KN-ESC-09"] if "\n" in uri else [])]

    found = configuration(package_sources=[{"uri": uri}])

    assert sorted(found) == sorted((rule, "variables.package_sources[0].uri") for rule in rules)


def test_a_package_source_with_an_empty_address_is_refused():
    assert configuration(package_sources=[{"uri": None, "suites": ["noble"]}]) == [
        ("KN-PKG-01", "variables.package_sources[0].uri")
    ]


def test_sources_beside_those_of_the_image_are_refused():
    assert configuration(package_sources_exclusive=True) == []
    assert configuration(package_sources_exclusive=False) == [
        ("KN-PKG-01", "variables.package_sources_exclusive")
    ]


@pytest.mark.parametrize("nothing", [[], None, [[]]])
@pytest.mark.parametrize(
    ("variable", "rule"), [("ntp_servers", "KN-NTP-01"), ("package_sources", "KN-PKG-01")]
)
def test_an_empty_value_cannot_take_away_what_the_pool_gives(nothing, variable, rule):
    good = {"ntp_servers": ["ntp.nict.jp"], "package_sources": [{"uri": "file:///a"}]}
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "variables": good,
        "secretVariables": {variable: nothing},
        "hosts": [{"name": "a", "variables": {variable: nothing}}, {"name": "b"}],
    }

    assert found("kokunai:ansible:Configuration", props) == [
        (rule, f"secretVariables.{variable}"),
        (rule, f"hosts[0].variables.{variable}"),
    ]


def test_a_pool_of_a_thousand_hosts_is_judged_in_time():
    variables = {"ntp_servers": ["ntp.nict.jp"], "package_sources": [{"uri": "file:///a"}]}
    own = {"node_name": "n", "node_addresses": [{"interface": "eth1", "address": "10.0.0.1/24"}]}
    hosts = [{"name": f"n{number}", "user": "root", "variables": own} for number in range(1000)]
    place = {"site": "sakura-ishikari", "labels": {"data-class": "internal"}}
    started = time.process_time()

    reported = found(
        "kokunai:ansible:Configuration", {**place, "variables": variables, "hosts": hosts}
    )

    assert reported == []
    assert time.process_time() - started < 2


def test_a_secret_variable_cannot_replace_a_judged_one():
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "variables": {"ntp_servers": ["ntp.nict.jp"], "package_sources": [{"uri": "file:///a"}]},
        "secretVariables": {"ntp_servers": ["pool.ntp.org"]},
    }

    assert found("kokunai:ansible:Configuration", props) == [
        ("KN-NTP-01", "secretVariables.ntp_servers[0]")
    ]


@pytest.mark.parametrize("prefix", ["base_", "role_of_one_s_own_"])
def test_a_variable_with_the_name_of_its_role_is_judged_like_one_without(prefix):
    good = {
        f"{prefix}ntp_servers": ["ntp.nict.jp"],
        f"{prefix}package_sources": [{"uri": "file:///a"}],
        f"{prefix}package_sources_exclusive": True,
    }
    props = {"site": "sakura-ishikari", "labels": {"data-class": "internal"}, "variables": good}
    bad = {
        f"{prefix}ntp_servers": ["pool.ntp.org"],
        f"{prefix}dns_servers": ["8.8.8.8"],
        f"{prefix}package_sources": ["http://archive.ubuntu.com/ubuntu"],
        f"{prefix}package_sources_exclusive": False,
    }

    hosts = [{"name": "a", "variables": bad}]

    assert found("kokunai:ansible:Configuration", props) == []
    assert {
        path for _, path in found("kokunai:ansible:Configuration", {**props, "hosts": hosts})
    } == {
        f"hosts[0].variables.{prefix}ntp_servers[0]",
        f"hosts[0].variables.{prefix}dns_servers[0]",
        f"hosts[0].variables.{prefix}package_sources[0]",
        f"hosts[0].variables.{prefix}package_sources_exclusive",
    }


def test_a_rule_that_breaks_refuses(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(checks, "is_usable", broken)

    assert configuration() == [("KN-NTP-01", "")]


def test_a_zone_is_judged_even_when_the_site_is_not_known():
    props = {**DOMESTIC, "site": "moon-base", "zone": "us-east-1"}

    assert found("kokunai:sakura:Switch", props) == [("KN-LOC-01", "site"), ("KN-LOC-02", "zone")]
