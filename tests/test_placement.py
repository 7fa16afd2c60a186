"""Racks: which trays a pool gets, and what is said when they are not the wished ones."""

import random
from dataclasses import dataclass, replace

import pytest

from kokunai import model, placement
from kokunai.placement import NodeShape, place

NVL72, HGX = NodeShape(4, 72), NodeShape(8, 8)


@dataclass(frozen=True)
class Machine:
    name: str
    rack: str | None = None
    tray: int | None = None


def rack(name: str, trays=range(1, 19)) -> list[Machine]:
    return [Machine(f"{name}-{tray}", name, tray) for tray in trays]


def without(hosts: list[Machine], *names: str) -> list[Machine]:
    return [host for host in hosts if host.name not in names]


def pool(**asked: int) -> model.GpuNodePool:
    return model.GpuNodePool(name="train", site="kddi-sakai", gpu="gb200", **asked)


def chosen(placed: placement.Placement[Machine]) -> list[str]:
    assert not placed.problems
    return [node.host.name for node in placed.nodes]


def english(found: tuple) -> str:
    return "; ".join(problem.en for problem in found)


@pytest.mark.parametrize(
    ("asked", "shape", "count"),
    [
        ({"node_count": 3}, NVL72, 3),
        ({"gpus": 72}, NVL72, 18),
        ({"gpus": 70}, NVL72, 18),
        ({"nvlink_domains": 2}, NVL72, 36),
        ({"nvlink_domains": 2}, NodeShape(4, 36), 18),
        ({"nvlink_domains": 2}, HGX, 2),
        ({"gpus": 3}, NodeShape(1), 3),
    ],
)
def test_the_number_of_servers_follows_from_what_is_asked_and_the_shape(asked, shape, count):
    assert placement.node_count(pool(**asked), shape) == count


@pytest.mark.parametrize(
    ("asked", "shape", "said"),
    [
        ({"gpus": 70}, NVL72, "nearest: 68, 72"),
        ({"nvlink_domains": 1}, NodeShape(8), "knows no NVLink domain"),
        ({"nvlink_domains": 1}, NodeShape(8, 2), "knows no NVLink domain"),
        ({"nvlink_domains": 12}, NVL72, "216 servers"),
    ],
)
def test_a_size_that_no_servers_make_up_is_refused(asked, shape, said):
    placed = place(pool(**asked), rack("a"), shape)

    assert said in english(placed.problems)
    assert not placed.nodes


def test_a_pool_that_fits_one_rack_is_put_into_one_although_an_earlier_one_has_some_room():
    hosts = rack("a", range(1, 11)) + rack("b")

    placed = place(pool(node_count=16), hosts, NVL72)

    assert {node.domain for node in placed.nodes} == {"b"}
    assert not placed.warnings


def test_a_pool_that_must_span_racks_says_which_trays():
    hosts = without(rack("a") + rack("b"), "a-3", "b-7")

    placed = place(pool(gpus=72), hosts, NVL72)

    assert "spans 2 NVLink domains: a (trays 1-2, 4-18), b (trays 1)" in english(placed.warnings)
    assert "tray(s) 7 of rack b are not in the contract" in english(placed.warnings)
    assert placed.warnings[0].path == "gpus"


def test_whole_domains_are_refused_with_the_missing_tray_by_name():
    hosts = without(rack("a") + rack("b"), "b-7")

    placed = place(pool(nvlink_domains=2), hosts, NVL72)

    assert "rack b has 17 of 18, missing tray(s) 7" in english(placed.problems)
    assert "ラック b は 18 台中 17 台、ないトレイ: 7" in placed.problems[0].ja


def test_whole_domains_pass_over_an_incomplete_rack_without_a_word():
    hosts = without(rack("a") + rack("b"), "a-7")

    placed = place(pool(nvlink_domains=1), hosts, NVL72)

    assert {node.domain for node in placed.nodes} == {"b"}
    assert (len(placed.nodes), placed.warnings) == (18, ())


def test_nodes_go_by_rack_then_tray_with_numbers_by_value():
    hosts = rack("r10") + rack("r2")
    random.Random(1).shuffle(hosts)

    assert chosen(place(pool(node_count=36), hosts, NVL72)) == [
        host.name for host in rack("r2") + rack("r10")
    ]


def test_a_replaced_tray_keeps_its_number():
    before = rack("a")
    after = [replace(host, name="new") if host.tray == 4 else host for host in reversed(before)]

    names = [chosen(place(pool(node_count=8), hosts, NVL72)) for hosts in (before, after)]

    assert [old for old, new in zip(*names, strict=True) if old != new] == ["a-4"]
    assert names[1][3] == "new"


def test_a_spare_takes_the_number_of_a_missing_tray_and_the_others_keep_theirs():
    placed = place(pool(node_count=8), without(rack("a"), "a-4"), NVL72)

    assert chosen(placed) == ["a-1", "a-2", "a-3", "a-18", "a-5", "a-6", "a-7", "a-8"]
    assert "tray(s) 4 of rack a" in english(placed.warnings)


def test_single_trays_of_a_rack_are_no_rack_with_missing_trays():
    placed = place(pool(node_count=4), rack("a", [3, 9, 14, 17]), NVL72)

    assert chosen(placed) == ["a-3", "a-9", "a-14", "a-17"]
    assert not placed.warnings


@pytest.mark.parametrize(
    ("trays", "missing"),
    [
        ([tray for tray in range(18) if tray != 5], "5"),
        ([*range(1, 11), *range(19, 26)], "26"),
    ],
    ids=["counted from 0", "numbers of slots, which another rack shows"],
)
def test_trays_may_be_numbered_as_the_operator_does(trays: list[int], missing: str):
    whole = range(18) if 0 in trays else [*range(1, 11), *range(19, 27)]

    placed = place(pool(nvlink_domains=2), rack("a", whole) + rack("b", trays), NVL72)

    assert f"missing tray(s) {missing}" in english(placed.problems)


def test_what_another_pool_has_is_neither_taken_nor_missing():
    placed = place(pool(node_count=8), rack("a"), NVL72, taken={f"a-{n}" for n in range(1, 5)})

    assert chosen(placed) == [f"a-{n}" for n in range(5, 13)]
    assert not placed.warnings


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([Machine("x")], "host x needs rack and tray"),
        ([Machine("x", "a")], "host x needs rack and tray"),
        ([*rack("a"), Machine("x", "a", 3)], "two hosts are in tray 3 of rack a: a-3, x"),
        (rack("a", range(1, 20)), "rack a has 19 hosts, but a rack holds 18"),
        (without(rack("a"), "a-9"), "asks for 18 server(s), but the contract has 17 host(s) free"),
        (without(rack("a"), "a-9"), "missing tray(s) 9"),
    ],
)
def test_hosts_that_make_no_rack_are_refused_by_name(hosts: list[Machine], said: str):
    assert said in english(place(pool(node_count=18), hosts, NVL72).problems)


def test_servers_that_are_a_domain_each_are_taken_in_the_order_of_the_contract():
    placed = place(pool(node_count=2), [Machine("z"), Machine("b"), Machine("c")], HGX)

    assert chosen(placed) == ["z", "b"]
    assert [node.domain for node in placed.nodes] == [None, None]
    assert placed.domains == ()


def test_too_few_of_them_are_refused():
    placed = place(pool(gpus=24), [Machine("z"), Machine("b")], HGX)

    assert "asks for 3 server(s), but the contract has 2 host(s) free" in english(placed.problems)


@pytest.mark.parametrize("seed", range(150))
def test_whatever_is_listed_a_pool_spans_racks_only_when_none_holds_it_and_never_silently(seed):
    chance = random.Random(seed)
    shape = chance.choice([NVL72, NodeShape(4, 36), NodeShape(2, 8)])
    size = placement.domain_nodes(shape)
    hosts = [
        host
        for name in ("a", "b", "c")
        for host in rack(name, sorted(chance.sample(range(1, size + 1), chance.randint(1, size))))
    ]
    wanted = pool(node_count=chance.randint(1, 2 * size))
    free = [sum(host.rack == name for host in hosts) for name in ("a", "b", "c")]

    placed = place(wanted, chance.sample(hosts, len(hosts)), shape)

    if wanted.node_count > len(hosts):
        assert placed.problems
        return
    names = chosen(placed)
    fewest = next(n for n in (1, 2, 3) if sum(sorted(free)[-n:]) >= wanted.node_count)
    assert len(set(names)) == len(names) == wanted.node_count
    assert len(placed.domains) == fewest
    assert ("spans" in english(placed.warnings)) == (fewest > 1)
    assert [node.number for node in placed.nodes] == list(range(wanted.node_count))
    assert placed == place(wanted, hosts, shape)
    grown = place(pool(node_count=wanted.node_count + 1), hosts, shape)
    if len(grown.domains) == 1 and grown.domains[0].rack == placed.domains[0].rack:
        assert grown.nodes[:-1] == placed.nodes


def test_exactly_one_key_says_how_large_a_pool_is():
    for asked in ({}, {"node_count": 1, "gpus": 4}, {"nvlink_domains": 1, "gpus": 72}):
        with pytest.raises(ValueError, match="exactly one of node_count, gpus and nvlink_domains"):
            pool(**asked)
