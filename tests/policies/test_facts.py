"""Every fact says where it comes from and when it was looked at."""

from datetime import date

import pytest

from kokunai import catalog
from kokunai.catalog import facts

USES = ["api", "time", "resolver", "package"]
HOSTS = [row for use in USES for row in facts.hosts(use)]
ROWS = [*HOSTS, *facts.operators().values(), *facts.clouds().values(), *facts.packages().values()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: getattr(row, "host", type(row).__name__))
def test_a_fact_has_a_source_and_a_day(row):
    assert row.source
    assert isinstance(row.as_of, date)


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.host)
def test_a_host_has_a_known_operator(row):
    assert row.operator in facts.operators()


def test_the_operator_of_every_site_is_known():
    assert {site.operator for site in catalog.sites().values()} <= set(facts.operators())


def test_the_zones_of_every_site_are_domestic_regions():
    zones = {zone for site in catalog.sites().values() for zone in site.zones}

    assert zones <= facts.clouds()["sakura"].domestic


def test_the_name_servers_of_every_site_are_known_resolvers():
    given = {server for site in catalog.sites().values() for server in site.name_servers}

    assert given <= {row.host for row in facts.hosts("resolver")}
