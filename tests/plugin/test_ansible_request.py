"""What crosses to the child, and the inventory made of it."""

import json
from pathlib import Path

from kokunai.plugin.ansible.request import Request, host_of, inventory

PRIVATE = Path("/dev/shm/kokunai-run-x")


def _request(**changes) -> Request:
    host = {"name": "a", "address": "10.0.0.1", "serverId": "1", "user": "root"}
    given = {
        "playbook": "/p/site.yml",
        "hosts": (host_of(host), host_of({**host, "name": "b", "user": "debian", "port": 2222})),
        "variables": {"ntp_servers": ["10.0.0.9"]},
        "secrets": {"package_source_credentials": "hunter2"},
        "private_key_file": "/k/id",
        "known_hosts": ("10.0.0.1 ssh-ed25519 AA",),
    }
    return Request(**{**given, **changes})


def test_a_request_crosses_unchanged():
    request = _request()

    assert Request.from_json(request.to_json()) == request


def test_the_inventory_holds_no_secret():
    made = inventory(_request(), PRIVATE, "/proc/1/fd/3")

    assert "hunter2" not in json.dumps(made)
    assert "/proc/1/fd/3" in made["all"]["vars"]["package_source_credentials"]


def test_a_recorded_key_must_match_and_a_first_contact_is_recorded():
    hosts = inventory(_request(), PRIVATE, "/x")["all"]["hosts"]

    assert hosts["a"]["ansible_ssh_extra_args"] == "-o StrictHostKeyChecking=yes"
    assert hosts["b"]["ansible_ssh_extra_args"] == "-o StrictHostKeyChecking=accept-new"


def test_any_user_but_root_uses_sudo():
    hosts = inventory(_request(), PRIVATE, "/x")["all"]["hosts"]

    assert (hosts["a"]["ansible_become"], hosts["b"]["ansible_become"]) == (False, True)
    assert hosts["b"]["ansible_port"] == 2222
