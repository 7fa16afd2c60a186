"""The provider's configuration: keys as they have always been, one section a module."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from kokunai import capacity
from kokunai.catalog import facts
from kokunai.errors import KokunaiError
from kokunai.plugin.registry import registry
from kokunai.plugin.sakura.dedicated.accounts import root_url
from kokunai.plugin.settings import Settings

SETTINGS = Settings(registry().sections)
ROOT = "https://secure.sakura.ad.jp/cloud/zone"
PHY_ROOT = "https://secure.sakura.ad.jp/cloud/api/dedicated-phy/1.0"


def test_the_keys_on_the_wire_stay_what_they_are() -> None:
    variables = SETTINGS.schema()["variables"]

    assert variables.keys() == {
        "sakuraApiRootUrl",
        "sakuraPhyApiRootUrl",
        "sakuraAccessToken",
        "sakuraAccessTokenSecret",
        "sakuraCallsPerSecond",
        "playbooksDirectory",
        "allowDataLoss",
        "bmcUser",
        "bmcPassword",
    }
    assert variables["sakuraCallsPerSecond"]["type"] == "number"
    of_sakura = {"sakuraAccessToken", "sakuraAccessTokenSecret"}
    assert SETTINGS.secrets == {*of_sakura, "bmcUser", "bmcPassword"}
    text = variables["sakuraCallsPerSecond"]["description"]
    assert text.endswith("SAKURA_RATE_LIMIT, SAKURACLOUD_RATE_LIMIT")


def _variables() -> dict[str, tuple[str, ...]]:
    """Environment variables of every key of the plugin."""
    return {
        key: tuple(section.environment.get(field, ()))
        for section in registry().sections
        for key, field in section.keys.items()
    }


def test_the_catalogue_names_every_secret_of_the_plugin_and_its_variables() -> None:
    sellers = facts.seller_providers().values()
    told = {key: names for seller in sellers for key, names in seller.secrets.items()}

    variables = _variables()
    assert told == {key: variables[key] for key in SETTINGS.secrets}
    assert told.keys() == set(capacity.secret_inputs())


def test_the_catalogue_names_every_endpoint_of_the_plugin_its_host_and_its_variables() -> None:
    sellers = facts.seller_providers().values()
    told = {key: endpoint for seller in sellers for key, endpoint in seller.endpoints.items()}

    urls = {
        key: value
        for key, value in SETTINGS.resolve({}, {}).items()
        if str(value).startswith("http")
    }
    variables = _variables()
    alone = {key: end for key, end in told.items() if not end.beside}
    assert {key: (end.host, end.environment) for key, end in alone.items()} == {
        key: (urlsplit(url).hostname, variables[key]) for key, url in urls.items()
    }
    beside = {key: end for key, end in told.items() if end.beside}
    assert {key: end.environment for key, end in beside.items()} == {
        key: variables[key] for key in variables if key.endswith("ApiRootUrl") and key not in alone
    }
    assert {end.beside for end in beside.values()} <= alone.keys()


def test_an_api_beside_another_one_is_at_the_same_host_unless_it_is_named() -> None:
    of_lab = {"SAKURA_API_ROOT_URL": "http://127.0.0.1:9/cloud/zone"}
    named = {**of_lab, "SAKURA_ENDPOINTS_PHY": "http://127.0.0.1:8/phy"}

    assert capacity.provider_inputs({})["sakuraPhyApiRootUrl"] == PHY_ROOT
    assert (
        capacity.provider_inputs(of_lab)["sakuraPhyApiRootUrl"]
        == "http://127.0.0.1:9/cloud/api/dedicated-phy/1.0"
    )
    assert capacity.provider_inputs(named)["sakuraPhyApiRootUrl"] == "http://127.0.0.1:8/phy"
    assert root_url({"sakuraApiRootUrl": ROOT}) == PHY_ROOT
    assert root_url(SETTINGS.resolve({}, named)) == "http://127.0.0.1:8/phy"


def test_what_is_left_out_has_a_default() -> None:
    assert SETTINGS.resolve({}, {}) == {"sakuraApiRootUrl": ROOT, "sakuraCallsPerSecond": 10.0}


def test_inputs_come_before_the_environment_and_its_new_names_before_the_old() -> None:
    environment = {
        "SAKURA_ACCESS_TOKEN": "new",
        "SAKURACLOUD_ACCESS_TOKEN": "old",
        "SAKURACLOUD_ACCESS_TOKEN_SECRET": "old secret",
        "SAKURACLOUD_RATE_LIMIT": "3",
        "SAKURA_API_ROOT_URL": "http://127.0.0.1:9",
    }

    in_force = SETTINGS.resolve({"sakuraApiRootUrl": "http://127.0.0.1:8"}, environment)

    assert in_force == {
        "sakuraApiRootUrl": "http://127.0.0.1:8",
        "sakuraAccessToken": "new",
        "sakuraAccessTokenSecret": "old secret",
        "sakuraCallsPerSecond": 3.0,
    }


@pytest.mark.parametrize(
    ("props", "key"),
    [
        ({"colour": "red"}, "colour"),
        ({"sakuraCallsPerSecond": "many"}, "sakuraCallsPerSecond"),
        ({"sakuraCallsPerSecond": 0}, "sakuraCallsPerSecond"),
        ({"sakuraCallsPerSecond": "inf"}, "sakuraCallsPerSecond"),
        ({"sakuraApiRootUrl": "secure.sakura.ad.jp"}, "sakuraApiRootUrl"),
    ],
)
def test_a_mistake_is_named_on_its_key_in_both_languages(props: dict[str, Any], key: str) -> None:
    (problem,) = SETTINGS.problems(props)

    assert problem.path == key
    assert problem.ja != problem.en


def test_numbers_may_come_as_text_and_keys_of_the_stack_are_not_ours() -> None:
    given = {"sakuraCallsPerSecond": "2.5", "environment": {"pools": []}, "version": "0.1.0"}

    assert SETTINGS.problems(SETTINGS.own(given)) == []
    assert SETTINGS.resolve(given, {})["sakuraCallsPerSecond"] == 2.5


@pytest.mark.parametrize(
    ("name", "value"), [("SAKURA_API_ROOT_URL", "localhost:80"), ("SAKURA_RATE_LIMIT", "fast")]
)
def test_a_mistake_in_the_environment_is_refused_and_never_replaced_by_a_default(
    name: str, value: str
) -> None:
    with pytest.raises(KokunaiError, match=name):
        SETTINGS.resolve({}, {name: value})
