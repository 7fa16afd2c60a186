"""Names and addresses of nodes depend on nothing but their own pool."""

from kokunai import addressing, model

NETWORK = model.Network(name="cluster", site="sakura-ishikari", cidr="192.168.10.0/24")


def _pool(node_count: int) -> model.GpuNodePool:
    return model.GpuNodePool(
        name="train", site="sakura-ishikari", gpu="h100", node_count=node_count, network="cluster"
    )


def test_growing_a_pool_leaves_the_existing_nodes_as_they_are():
    before, after = (addressing.nodes(_pool(count), NETWORK, count) for count in (2, 5))

    assert after[:2] == before


def test_addresses_start_at_the_first_host_number():
    node = addressing.nodes(_pool(1), NETWORK, 1)[0]

    assert node.name == "train-0"
    assert node.interface_address == "192.168.10.11/24"


def test_a_pool_without_a_network_has_no_private_address():
    assert addressing.nodes(_pool(1), None, 1)[0].interface_address is None
