"""Few settings, exact names, and what must not stay in a file."""

import pytest

from kokunai import nccl


def test_a_node_without_a_fabric_gets_one_setting():
    assert nccl.environment("eth1") == {"NCCL_SOCKET_IFNAME": "=eth1"}


def test_what_a_fabric_needs_is_no_problem():
    fabric = {"NCCL_IB_HCA": "=mlx5_0,mlx5_1", "NCCL_IB_SL": "1"}

    assert nccl.problems({**nccl.environment("eth0"), **fabric}) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"NCCL_IB_HCA ": "=mlx5_0"}, "is not an NCCL variable"),
        ({"nccl_ib_hca": "=mlx5_0"}, "is not an NCCL variable"),
        ({"PATH": "/bin"}, "is not an NCCL variable"),
        ({"NCCL_IB_HAC": "=mlx5_0"}, "check the spelling"),
        ({"NCCL_MNNVL_ENABLE": "1"}, "is for debugging"),
        ({"NCCL_PSK": "0" * 32}, "is for debugging"),
        ({"NCCL_IB_HCA": "mlx5_1"}, "must start with ="),
        ({"NCCL_SOCKET_IFNAME": "^docker"}, "must start with ="),
        ({"NCCL_IB_TC": " 41"}, "outer spaces"),
        ({"NCCL_IB_TC": '"41"'}, "quotes"),
        ({"NCCL_IB_TC": ""}, "empty"),
        ({"NCCL_TOPO_FILE": "/" + "x" * 1100}, "1023 bytes"),
    ],
)
def test_a_setting_the_library_would_misread_is_a_problem(settings, said):
    [problem] = nccl.problems(settings)

    assert problem.path == next(iter(settings))
    assert said in problem.en
    assert not problem.ja.isascii()


def test_an_excluded_exact_name_is_no_problem():
    assert nccl.problems({"NCCL_SOCKET_IFNAME": "^=docker0"}) == []


def test_no_variable_is_in_both_lists():
    known = nccl._known()

    assert not set(known["system"]) & set(known["debugging"])
