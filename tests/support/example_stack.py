"""A small stack on the lab, as the values of a stack file."""

from typing import Any

VALUES: dict[str, Any] = {
    "name": "demo",
    "data_class": "internal",
    "lab": True,
    "access": {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
    "networks": [{"name": "cluster", "site": "sakura-ishikari", "cidr": "192.168.10.0/24"}],
    "pools": [
        {
            "name": "train",
            "site": "sakura-ishikari",
            "gpu": "h100",
            "node_count": 2,
            "network": "cluster",
        }
    ],
}
