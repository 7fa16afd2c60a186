"""The provider's own configuration: what it may say, and what the environment says instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kokunai.drivers.sakura_http import API_ROOT_URL, CALLS_PER_SECOND
from kokunai.errors import Problem
from kokunai.plugin.kind import UNKNOWN, Props

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = frozenset({"sakuraAccessToken", "sakuraAccessTokenSecret"})
# What the engine and the SDKs put beside a provider's own configuration.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "__internal"})
_ENVIRONMENT = {
    "sakuraApiRootUrl": ("SAKURA_API_ROOT_URL", "SAKURACLOUD_API_ROOT_URL"),
    "sakuraAccessToken": ("SAKURA_ACCESS_TOKEN", "SAKURACLOUD_ACCESS_TOKEN"),
    "sakuraAccessTokenSecret": ("SAKURA_ACCESS_TOKEN_SECRET", "SAKURACLOUD_ACCESS_TOKEN_SECRET"),
    "sakuraCallsPerSecond": ("SAKURA_RATE_LIMIT", "SAKURACLOUD_RATE_LIMIT"),
    "playbooksDirectory": (),
}
_DEFAULTS: dict[str, Any] = {
    "sakuraApiRootUrl": API_ROOT_URL,
    "sakuraCallsPerSecond": CALLS_PER_SECOND,
}
# Keys of a stack file in the same namespace; a default provider is handed all of them.
_STACK_KEYS = frozenset({"environment", "packageSourceCredentials"})


def own(props: Props) -> Props:
    """The provider's inputs without what belongs to the stack."""
    return {key: value for key, value in props.items() if key not in _STACK_KEYS}


def schema() -> dict[str, Any]:
    """The configuration in Pulumi's schema."""
    described = {
        key: {
            "type": "number" if key == "sakuraCallsPerSecond" else "string",
            "description": "環境変数 / environment: " + ", ".join(names) if names else "",
            **({"secret": True} if key in SECRETS else {}),
        }
        for key, names in _ENVIRONMENT.items()
    }
    return {"variables": described}


def failures_of(props: Props) -> list[Problem]:
    """Every mistake in the provider's inputs at once."""
    allowed = _ENGINE_KEYS | _ENVIRONMENT.keys()
    found = [_unknown_key(key) for key in props if key not in allowed]
    rate = props.get("sakuraCallsPerSecond")
    if rate is not None and rate is not UNKNOWN and _positive(rate) is None:
        found.append(
            Problem(
                "sakuraCallsPerSecond",
                "0 より大きい数で指定してください。",
                "must be a number greater than 0.",
            )
        )
    url = props.get("sakuraApiRootUrl")
    if isinstance(url, str) and not url.startswith(("http://", "https://")):
        found.append(
            Problem(
                "sakuraApiRootUrl",
                "http:// か https:// で始まる URL で指定してください。",
                "must be a URL that starts with http:// or https://.",
            )
        )
    return found


def resolve(props: Props, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The configuration in force: inputs, else environment, else defaults."""
    settled: dict[str, Any] = {}
    for key, names in _ENVIRONMENT.items():
        seen = [environment[name] for name in names if environment.get(name)]
        value = props.get(key) or next(iter(seen), _DEFAULTS.get(key))
        if value is not None:
            settled[key] = value
    rate = _positive(settled["sakuraCallsPerSecond"])
    settled["sakuraCallsPerSecond"] = rate or CALLS_PER_SECOND
    return settled


def _positive(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _unknown_key(key: str) -> Problem:
    allowed = ", ".join(_ENVIRONMENT)
    return Problem(
        key,
        f"この名前の設定はありません。使えるもの: {allowed}",
        f"no such setting; allowed: {allowed}",
    )
