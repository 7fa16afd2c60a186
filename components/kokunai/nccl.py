"""Chooses the NCCL settings of a pool and refuses those that do not belong in a file."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from kokunai.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"NCCL_[A-Z0-9_]+")
_VALUE_LIMIT_BYTES = 1023
_PREFIX_LISTS = frozenset({"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA"})


@cache
def _known() -> dict[str, Any]:
    text = resources.files("kokunai").joinpath("nccl.yaml").read_text(encoding="utf-8")
    known: dict[str, Any] = yaml.safe_load(text)
    return known


def environment(interface: str) -> dict[str, str]:
    """The settings of a pool whose nodes reach each other on `interface`, as few as possible.

    The first contact of the ranks goes over this interface, so it needs no working fabric. With
    "=" the name is exact; without, eth1 would also take eth10.
    """
    return {"NCCL_SOCKET_IFNAME": f"={interface}"}


def problems(settings: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the settings; the path of each problem is the variable's name."""
    return [
        problem for name, value in settings.items() for problem in _problems_of(name, str(value))
    ]


def _problems_of(name: str, value: str) -> list[Problem]:
    if not _NAME.fullmatch(name):
        ja = "NCCL の変数名ではありません（NCCL_ で始まる大文字、数字、_ のみ。空白は不可）"
        en = "is not an NCCL variable: NCCL_, then capitals, digits and _ only, no spaces"
        return [Problem(name, ja, en)]
    return [*_name_problems(name), *_value_problems(name, value)]


def _name_problems(name: str) -> Iterator[Problem]:
    version = _known()["version"]
    if name in _known()["debugging"]:
        ja = "調査用の変数です。常設の設定に残さないでください"
        yield Problem(name, ja, "is for debugging; do not keep it in a lasting configuration")
    elif name not in _known()["system"]:
        ja = f"NCCL {version} の文書にありません。綴りを確認してください"
        yield Problem(name, ja, f"is not documented by NCCL {version}; check the spelling")


def _value_problems(name: str, value: str) -> Iterator[Problem]:
    if not value or value != value.strip() or "\n" in value or value[0] in "\"'":
        ja = "空の値、前後の空白、改行、引用符は使えません（NCCL は取り除きません）"
        en = "must not be empty or hold outer spaces, newlines or quotes: NCCL keeps them"
        yield Problem(name, ja, en)
    if len(value.encode()) > _VALUE_LIMIT_BYTES:
        ja = f"値は {_VALUE_LIMIT_BYTES} バイトまでです（NCCL は超えた分を捨てます）"
        yield Problem(name, ja, f"allows at most {_VALUE_LIMIT_BYTES} bytes: NCCL cuts the rest")
    if name in _PREFIX_LISTS and not value.lstrip("^").startswith("="):
        ja = "= で始めてください。前方一致では mlx5_1 が mlx5_10 も選びます"
        yield Problem(name, ja, "must start with =; otherwise mlx5_1 takes mlx5_10 too")
