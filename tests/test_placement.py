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
    node: int | None = None


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


def test_servers_that_are_a_domain_each_are_taken_by_name_whatever_the_order():
    placed = place(pool(node_count=2), [Machine("n10"), Machine("n2"), Machine("n1")], HGX)

    assert chosen(placed) == ["n1", "n2"]
    assert [node.domain for node in placed.nodes] == [None, None]
    assert placed.domains == ()


def test_a_host_with_a_node_stays_that_node_whatever_else_is_listed():
    hosts = [Machine("a"), Machine("b"), Machine("c", node=0), Machine("d", node=2)]

    assert chosen(place(pool(node_count=3), hosts, HGX)) == ["c", "a", "d"]
    assert chosen(place(pool(node_count=3), without(hosts, "a"), HGX)) == ["c", "b", "d"]
    # Node 2 is not in a pool of two, so its host waits.
    assert chosen(place(pool(node_count=2), hosts, HGX)) == ["c", "a"]


def pinned(hosts: list[Machine], first: int = 0) -> list[Machine]:
    return [replace(host, node=first + at) for at, host in enumerate(hosts)]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (rack("r1", range(1, 9)), rack("r1", range(1, 9)), 20),
        ([], rack("r0"), 10),
        ([], rack("r0"), 18),
    ],
    ids=["the pool grows over a rack", "a rack is delivered", "a whole rack is delivered"],
)
def test_pinned_nodes_stay_when_the_pool_or_the_contract_grows(before, after, count):
    mine = pinned(rack("r2")[:10])
    others = rack("r2")[10:]
    now = chosen(place(pool(node_count=10), [*before, *mine, *others], NVL72))

    later = chosen(place(pool(node_count=count), [*after, *mine, *others], NVL72))

    assert later[:10] == now == [f"r2-{tray}" for tray in range(1, 11)]


def test_a_missing_tray_takes_a_spare_and_moves_no_pinned_node():
    hosts = without(pinned(rack("r1")[:8]) + rack("r1")[8:] + rack("r2"), "r1-3")

    assert chosen(place(pool(node_count=8), hosts, NVL72))[2] in {"r1-17", "r1-18"}
    names = chosen(place(pool(node_count=8), hosts, NVL72))
    assert [*names[:2], *names[3:]] == [f"r1-{tray}" for tray in (1, 2, 4, 5, 6, 7, 8)]


def test_pinned_hosts_choose_their_rack_and_may_take_single_places():
    hosts = rack("a") + [replace(host, node=3) if host.tray == 12 else host for host in rack("b")]

    assert chosen(place(pool(node_count=5), hosts, NVL72)) == ["b-1", "b-2", "b-3", "b-12", "b-4"]
    whole = chosen(place(pool(nvlink_domains=1), hosts, NVL72))
    assert (whole[3], {name[0] for name in whole}) == ("b-12", {"b"})


@pytest.mark.parametrize(
    ("hosts", "asked", "said"),
    [
        (
            [Machine("x", "a", 1, node=2), Machine("y", "a", 2, node=2)],
            {"node_count": 2},
            "two hosts have node: 2: x, y",
        ),
        (
            pinned(rack("a")[:1]) + rack("a")[1:] + pinned(rack("b")[:1], 1) + rack("b")[1:],
            {"nvlink_domains": 1},
            "hosts with a node are in rack(s) a, b, which are not 1 whole domain(s)",
        ),
        (
            pinned(rack("a")[:1], 40) + rack("a")[1:],
            {"nvlink_domains": 1},
            "tray(s) of other pools or of a node beyond this one 1",
        ),
    ],
)
def test_nodes_that_cannot_be_given_are_refused(hosts, asked, said):
    assert said in english(place(pool(**asked), hosts, NVL72).problems)


@pytest.mark.parametrize("seed", range(60))
def test_pinned_hosts_have_their_number_wherever_there_are_enough(seed):
    chance = random.Random(seed)
    hosts = rack("a", range(1, 1 + chance.randint(1, 18))) + rack("b")
    count = chance.randint(1, len(hosts))
    sure = chance.sample(range(len(hosts)), chance.randint(0, count))
    numbers = chance.sample(range(count), len(sure))
    for at, number in zip(sure, numbers, strict=True):
        hosts[at] = replace(hosts[at], node=number)

    placed = place(pool(node_count=count), chance.sample(hosts, len(hosts)), NVL72)

    by_name = {node.host.name: node.number for node in placed.nodes}
    assert sorted(by_name.values()) == list(range(count))
    assert all(by_name[hosts[at].name] == hosts[at].node for at in sure)


def test_a_host_that_waits_for_a_later_node_is_told_where_it_is_missing():
    placed = place(pool(node_count=2), [Machine("z"), Machine("b", node=7)], HGX)

    assert "has 1 host(s) free; of a node beyond this one: b" in english(placed.problems)


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
