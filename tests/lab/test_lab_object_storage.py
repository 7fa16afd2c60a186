"""The emulated object storage: what its control API refuses, how its S3 server begins and ends."""

from __future__ import annotations

import signal
import socket
import time
import urllib.error
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.lab_client import LabClient

pytestmark = pytest.mark.slow  # the S3 server takes seconds to load
ROOT = "/cloud/zone/is1a/api/objectstorage/1.0"


@pytest.fixture
def lab(tmp_path: Path):
    lab = LabClient(tmp_path / "lab")
    lab.start()
    yield lab
    lab.stop()


def ask(lab: LabClient, method: str, path: str, body: Any = None) -> Any:
    return lab._ask(method, f"{ROOT}/{path}", body)


def status(lab: LabClient, method: str, path: str, body: Any = None) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(lab, method, path, body)
    with refused.value:
        return refused.value.code


def host(lab: LabClient) -> str:
    return str(ask(lab, "GET", "fed/v1/clusters/isk01")["data"]["s3_endpoint"])


def answers(where: str) -> bool:
    name, _, port = where.partition(":")
    with socket.socket() as client:
        return client.connect_ex((name, int(port))) == 0


def test_what_the_control_api_refuses(lab: LabClient) -> None:
    bucket = {"cluster_id": "isk01"}

    assert status(lab, "PUT", "fed/v1/buckets/team-data", bucket) == 404  # no site account yet
    ask(lab, "POST", "isk01/v2/account")
    assert status(lab, "POST", "isk01/v2/account") == 409
    ask(lab, "PUT", "fed/v1/buckets/team-data", bucket)
    assert status(lab, "PUT", "fed/v1/buckets/team-data", bucket) == 409
    assert status(lab, "PUT", "fed/v1/buckets/A_b", bucket) == 400
    assert status(lab, "GET", "osk01/v2/buckets") == 404
    control = {"bucket_name": "nobodys", "can_read": True, "can_write": True}
    named = {"display_name": "x", "bucket_controls": [control]}
    assert status(lab, "POST", "isk01/v2/permissions", named) == 404
    assert ask(lab, "GET", "tky01/v2/buckets") == {"data": []}


def test_a_key_is_told_once_and_a_permission_has_one(lab: LabClient) -> None:
    made = ask(lab, "POST", "isk01/v2/permissions", {"display_name": "x"})["data"]
    keys = f"isk01/v2/permissions/{made['id']}/keys"

    key = ask(lab, "POST", keys)["data"]

    assert key["secret"]
    assert set(ask(lab, "GET", keys)["data"][0]) == {"id", "created_at"}
    assert status(lab, "POST", keys) == 409


def test_the_s3_server_ends_with_the_lab_and_buckets_outlive_it(lab: LabClient) -> None:
    ask(lab, "POST", "isk01/v2/account")
    ask(lab, "PUT", "fed/v1/buckets/team-data", {"cluster_id": "isk01"})
    where = host(lab)
    unsigned = httpx.get(f"http://{where}/team-data", timeout=30, trust_env=False)
    assert (unsigned.status_code, "AccessDenied" in unsigned.text) == (403, True)

    lab.stop(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while answers(where):
        assert time.monotonic() < deadline, "the S3 server outlives its lab"
        time.sleep(0.05)
    lab.start()

    assert host(lab) == where
    assert [row["name"] for row in ask(lab, "GET", "isk01/v2/buckets")["data"]] == ["team-data"]
