"""Which NCCL settings a pool gets, and which settings do not belong in a file that stays."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME = re.compile(r"NCCL_[A-Z0-9_]+")
_VALUE_LIMIT_BYTES = 1023
_PREFIX_LISTS = frozenset({"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA"})


@cache
def _known() -> dict[str, Any]:
    text = resources.files("kokunai").joinpath("nccl.yaml").read_text(encoding="utf-8")
    known: dict[str, Any] = yaml.safe_load(text)
    return known


def environment(
    interface: str,
    rdma_devices: Sequence[str] = (),
    fabric: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Settings of one pool: as few as work, names of interfaces and devices exact.

    `fabric` holds what only the site's fabric needs, for example its InfiniBand service level;
    such values are never portable between providers, so they come from the catalogue.
    """
    # Bootstrap over management, so that the first rank needs no working fabric.
    settings = {"NCCL_SOCKET_IFNAME": f"={interface}"}
    if rdma_devices:
        # Exact names: without "=" the name mlx5_1 would also take mlx5_10 to mlx5_17.
        settings["NCCL_IB_HCA"] = "=" + ",".join(rdma_devices)
    return {**settings, **dict(fabric or {})}


def problems(settings: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings, one line each, Japanese then English; empty is good."""
    return [line for name, value in settings.items() for line in _problems_of(name, str(value))]


def _problems_of(name: str, value: str) -> list[str]:
    if not _NAME.fullmatch(name):
        return [
            (
                f"{name!r} は NCCL の変数名ではありません(大文字、数字、_ のみ、空白は不可)。"
                f" {name!r} is not an NCCL variable (capitals, digits and _ only, no spaces)."
            ),
        ]
    return [*_name_problems(name), *_value_problems(name, value)]


def _name_problems(name: str) -> list[str]:
    if name in _known()["debugging"]:
        return [
            (
                f"{name} は調査用の変数です。常設の設定に残さないでください。"
                f" {name} is for debugging; do not keep it in a lasting configuration."
            ),
        ]
    if name not in _known()["system"]:
        return [
            (
                f"{name} は NCCL {_known()['version']} の文書にありません。綴りを確認してください。"
                f" {name} is not documented by NCCL {_known()['version']}; check the spelling."
            ),
        ]
    return []


def _value_problems(name: str, value: str) -> list[str]:
    found = []
    if not value or value != value.strip() or "\n" in value or value[0] in "\"'":
        found.append(
            f"{name} の値に空、前後の空白、改行、引用符は使えません(NCCL は取り除きません)。"
            f" {name}: NCCL keeps empty values, outer spaces, newlines and quotes as they are.",
        )
    if len(value.encode()) > _VALUE_LIMIT_BYTES:
        found.append(
            f"{name} の値は {_VALUE_LIMIT_BYTES} バイトまでです(超えた分は捨てられます)。"
            f" {name}: NCCL cuts values over {_VALUE_LIMIT_BYTES} bytes.",
        )
    if name in _PREFIX_LISTS and not value.lstrip("^").startswith("="):
        found.append(
            f"{name} は = で始めてください。前方一致では mlx5_1 が mlx5_10 も選びます。"
            f" {name} must start with =; otherwise mlx5_1 takes mlx5_10 too.",
        )
    return found
