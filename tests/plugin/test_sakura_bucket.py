"""`kokunai:sakura:Bucket` through its whole life, over gRPC, against the emulator and real S3."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from plugin_sakura import GOVERNED, OWNER

from kokunai.drivers.object_storage import Cluster
from kokunai.errors import KokunaiError
from kokunai.plugin.inputs import checked
from kokunai.plugin.sakura.bucket import BucketInputs
from kokunai.plugin.sakura.bucket_store import endpoint_of, hosts_of
from kokunai.plugin.serving import properties
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

pytestmark = pytest.mark.slow  # the S3 server takes seconds to load

BUCKET = "kokunai:sakura:Bucket"
WHERE = urn(BUCKET, "data")


def bucket_inputs(**changed: Any) -> dict[str, Any]:
    return {**GOVERNED, "name": "team-data", "zone": "isk01", **changed}


async def made(engine: Engine, **changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    news, failures = await engine.check(WHERE, bucket_inputs(**changed))
    assert not failures
    id_, state = await engine.create(WHERE, news)
    return id_, state, news


def s3(state: dict[str, Any], **changed: str) -> Any:
    """A client as any user's program has it."""
    named = {
        "endpoint_url": state["endpointUrl"],
        "region_name": state["region"],
        "aws_access_key_id": state["accessKeyId"],
        "aws_secret_access_key": state["secretAccessKey"],
        **changed,
    }
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, proxies={})
    return boto3.client("s3", config=config, **named)


def control(lab: LabClient, method: str, path: str, body: Any = None) -> Any:
    """A call as another client of the account makes it."""
    return lab._ask(method, f"/cloud/zone/is1a/api/objectstorage/1.0/{path}", body)


async def test_a_bucket_lives_and_ends(engine: Engine, lab: LabClient) -> None:
    id_, state, news = await made(engine, versioning=True)
    again, state = await engine.create(WHERE, news)

    assert again == id_ == "isk01/team-data"
    assert state["region"] == "jp-north-1"
    client = s3(state)
    client.put_object(Bucket="team-data", Key="a/日本.txt", Body=b"one")
    client.put_object(Bucket="team-data", Key="a/日本.txt", Body=b"two")
    assert client.get_object(Bucket="team-data", Key="a/日本.txt")["Body"].read() == b"two"
    assert len(client.list_object_versions(Bucket="team-data")["Versions"]) == 2

    _, seen, outputs = await engine.read(WHERE, id_, state, news)
    assert (seen, outputs) == (news, state)

    wanted = {**news, "versioning": False, "keyVersion": 2}
    after = await engine.update(WHERE, id_, state, news, wanted)
    assert client_error(client.list_objects_v2, Bucket="team-data") == "InvalidAccessKeyId"
    assert s3(after).get_bucket_versioning(Bucket="team-data")["Status"] == "Suspended"

    with pytest.raises(Failed, match="allow_data_loss") as refused:
        await engine.delete(WHERE, id_, after)
    assert "2 件以上" in refused.value.message
    assert len(s3(after).list_object_versions(Bucket="team-data")["Versions"]) == 2

    engine.next_run()
    await engine.configure({**lab.config, "allowDataLoss": "data"})
    await engine.delete(WHERE, id_, after)
    await engine.delete(WHERE, id_, after)
    assert await engine.read(WHERE, id_, after, wanted) == ("", {}, {})
    assert control(lab, "GET", "isk01/v2/permissions") == {"data": []}
    assert lab.counts() == {}


def client_error(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return str(error.value.response["Error"]["Code"])


async def test_the_secret_is_one_of_pulumis_and_opens_this_bucket_alone(engine: Engine) -> None:
    news, _ = await engine.check(WHERE, bucket_inputs())
    answer = await engine.raw_create(WHERE, news)
    state = properties.decode(answer.properties)
    other, _ = await engine.check(urn(BUCKET, "other"), bucket_inputs(name="other-data"))
    await engine.create(urn(BUCKET, "other"), other)

    assert "secretAccessKey" in state.secrets
    client = s3(state.props)
    assert client_error(client.list_objects_v2, Bucket="other-data") == "AccessDenied"
    wrong = s3(state.props, aws_secret_access_key="x" * 40)
    assert client_error(wrong.list_objects_v2, Bucket="team-data") == "SignatureDoesNotMatch"


async def test_an_import_shows_no_change_and_takes_nothing_away(
    engine: Engine, lab: LabClient
) -> None:
    control(lab, "POST", "isk01/v2/account")
    control(lab, "PUT", "fed/v1/buckets/team-data", {"cluster_id": "isk01"})
    news, _ = await engine.check(WHERE, bucket_inputs())

    found, seen, state = await engine.read(WHERE, "isk01/team-data")

    assert found == "isk01/team-data"
    diff = await engine.diff(WHERE, found, state, seen, news)
    assert not diff.detailedDiff
    assert not diff.replaces
    # From then on it is like any other: a key is made when one is asked for.
    wanted = {**news, "keyVersion": 2}
    after = await engine.update(WHERE, found, state, seen, wanted)
    s3(after).put_object(Bucket="team-data", Key="x", Body=b"x")
    _, seen, outputs = await engine.read(WHERE, found, after, wanted)
    assert (seen, outputs) == (wanted, after)


async def test_what_others_made_is_refused_in_the_preview(engine: Engine, lab: LabClient) -> None:
    control(lab, "POST", "isk01/v2/account")
    control(lab, "PUT", "fed/v1/buckets/team-data", {"cluster_id": "isk01"})
    news, _ = await engine.check(WHERE, bucket_inputs())

    for preview in (True, False):
        with pytest.raises(Failed, match="pulumi import kokunai:sakura:Bucket data isk01/team-d"):
            await engine.create(WHERE, news, preview=preview)

    assert control(lab, "GET", "isk01/v2/permissions") == {"data": []}


async def test_another_checkouts_bucket_is_refused(engine: Engine) -> None:
    _, _, news = await made(engine)

    with pytest.raises(Failed, match=OWNER):
        await engine.create(WHERE, {**news, "owner": "ffeeddccbbaa9988"})


LOST = {
    "the mark": ("POST", "permissions$"),
    "the bucket": ("PUT", "buckets/team-data$"),
    "what it opens": ("PUT", "permissions/[0-9]+$"),
    "the key": ("POST", "keys$"),
}


@pytest.mark.parametrize(("method", "path"), LOST.values(), ids=LOST)
async def test_a_lost_answer_makes_nothing_twice(
    engine: Engine, lab: LabClient, method: str, path: str
) -> None:
    lab.fault(method=method, path=path, kind="reset", when="after", count=1)

    _, state, _ = await made(engine)

    permissions = control(lab, "GET", "isk01/v2/permissions")["data"]
    assert (len(permissions), lab.counts()) == (1, {"buckets": 1})
    keys = control(lab, "GET", f"isk01/v2/permissions/{permissions[0]['id']}/keys")["data"]
    assert [key["id"] for key in keys] == [state["accessKeyId"]]


@pytest.mark.parametrize(("method", "path"), LOST.values(), ids=LOST)
async def test_an_interrupted_create_is_finished_by_the_next(
    engine: Engine, lab: LabClient, method: str, path: str
) -> None:
    lab.fault(method=method, path=path, status=400)
    with pytest.raises(Failed):
        await made(engine)
    lab.mend()

    _, state, _ = await made(engine)

    assert len(control(lab, "GET", "isk01/v2/permissions")["data"]) == 1
    assert lab.counts() == {"buckets": 1}
    assert state["secretAccessKey"]


async def test_a_key_that_was_removed_is_made_again(engine: Engine, lab: LabClient) -> None:
    id_, state, news = await made(engine)
    number = control(lab, "GET", "isk01/v2/permissions")["data"][0]["id"]
    control(lab, "DELETE", f"isk01/v2/permissions/{number}/keys/{state['accessKeyId']}")

    _, seen, found = await engine.read(WHERE, id_, state, news)
    diff = await engine.diff(WHERE, id_, found, seen, news)
    after = await engine.update(WHERE, id_, found, seen, news)

    assert list(diff.detailedDiff) == ["accessKeyId"]
    assert after["accessKeyId"] not in {"", state["accessKeyId"]}


async def test_another_name_is_no_quiet_replacement(engine: Engine) -> None:
    id_, state, news = await made(engine)
    wanted, _ = await engine.check(WHERE, bucket_inputs(name="new-data"))
    diff = await engine.diff(WHERE, id_, state, news, wanted)

    assert list(diff.replaces) == ["name"]
    with pytest.raises(Failed, match="allow_data_loss"):
        await engine.create(WHERE, wanted, preview=True)


WRONG = {
    "zone": {"zone": "arc02"},
    "name": {"name": "Team_Data"},
    "endpoint": {"endpoint": "s3.tky01.objectstorage.sakurastorage.jp"},
}


@pytest.mark.parametrize(("path", "changed"), WRONG.items(), ids=WRONG)
def test_what_cannot_be_is_refused(path: str, changed: dict[str, Any]) -> None:
    found = checked(BucketInputs, bucket_inputs(**changed))

    assert [problem.path for problem in found.failures] == [path]


OTHERS = ("s3.example.com", "s3.isk01.sakurastorage.jp.example.com", "127.0.0.1:80")


@pytest.mark.parametrize("host", OTHERS)
def test_a_key_is_not_sent_where_an_answer_leads(host: str) -> None:
    cluster = Cluster(id="isk01", region="jp-north-1", s3_endpoint=host)

    with pytest.raises(KokunaiError, match=r"s3\.isk01\.objectstorage"):
        endpoint_of(cluster, "", "https://secure.sakura.ad.jp/cloud/zone")


@pytest.mark.parametrize("host", hosts_of("isk01"))
def test_both_documented_hosts_are_accepted(host: str) -> None:
    named = checked(BucketInputs, bucket_inputs(endpoint=host))
    cluster = Cluster(id="isk01", region="jp-north-1", s3_endpoint=hosts_of("isk01")[0])

    assert not named.failures
    root = "https://secure.sakura.ad.jp/cloud/zone"
    assert endpoint_of(cluster, host, root) == f"https://{host}"


async def test_a_full_bucket_cannot_be_deleted_behind_our_back_either(
    engine: Engine, lab: LabClient
) -> None:
    """The emulator refuses what the real API refuses: 409 while something is left."""
    _, state, _ = await made(engine)
    s3(state).put_object(Bucket="team-data", Key="x", Body=b"x")

    with pytest.raises(urllib.error.HTTPError, match="409") as refused:
        control(lab, "DELETE", "fed/v1/buckets/team-data")
    refused.value.close()
