"""The rules about where the stack's state and the keys of its secrets are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from kokunai_policy import hosts
from kokunai_policy.checks import is_usable
from kokunai_policy.regions import foreign_in, is_domestic
from kokunai_policy.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.context import Context
    from kokunai_policy.resource import Inspected

_BACKENDS_JA = "file:///path、s3://bucket?endpoint=<国内の登録済みホスト>"
_BACKENDS_EN = "file:///path, s3://bucket?endpoint=<known domestic host>"
_SECRETS_JA = "passphrase、awskms://...?region=ap-northeast-1、国内の hashivault"
_SECRETS_EN = "passphrase, awskms://...?region=ap-northeast-1, a domestic hashivault"
_S3_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_VAULT_VARIABLES = ("VAULT_ADDR", "VAULT_SERVER_URL")


def judge_backend(inspected: Inspected) -> Iterator[Judgement]:
    """The state must be on this machine or at a known domestic host."""
    url = inspected.context.state.backend_url if inspected.context.state else None
    if url is None:
        yield _state_unknown("ステートの保存先", "the state backend", "backend.url")
    elif _is_good_backend(url, inspected.context):
        yield Judgement(Verdict.PASS, "backend.url")
    else:
        where = _spoken(url)
        yield Judgement(
            Verdict.FAIL,
            "backend.url",
            f"ステートの保存先 {where} は国内と確認できません。指定できるもの: {_BACKENDS_JA}",
            f"the state backend {where} is not known to be domestic; allowed: {_BACKENDS_EN}",
        )


def judge_secrets(inspected: Inspected) -> Iterator[Judgement]:
    """The key that encrypts secrets must be a passphrase or be kept in Japan."""
    url = inspected.context.state.secrets_provider if inspected.context.state else None
    if url is None:
        yield _state_unknown("秘密情報の鍵の場所", "the secrets provider", "secretsprovider")
    elif _is_good_keeper(url, inspected.context):
        yield Judgement(Verdict.PASS, "secretsprovider")
    else:
        where = _spoken(url)
        yield Judgement(
            Verdict.FAIL,
            "secretsprovider",
            f"秘密情報の鍵の場所 {where} は国内と確認できません。指定できるもの: {_SECRETS_JA}",
            f"the secrets provider {where} is not known to be domestic; allowed: {_SECRETS_EN}",
        )


def _state_unknown(ja: str, en: str, path: str) -> Judgement:
    return Judgement(
        Verdict.UNKNOWN,
        path,
        f"{ja}が分かりません。プロジェクトのフォルダーで実行してください",
        f"{en} cannot be found out; run in the project's folder",
    )


def _spoken(url: str) -> str:
    """Scheme and host of a URL for messages; the rest of it may contain credentials."""
    parts = urlsplit(url)
    host = hosts.canonical(parts.netloc) if parts.netloc else None
    return f"{parts.scheme}://{host.name}" if host else f"{parts.scheme or url[:20]}://"


def _is_good_host(text: str, context: Context) -> bool:
    host = hosts.canonical(text)
    return host is not None and is_usable(host, context.facts.domestic_hosts("api"))


def _is_good_backend(url: str, context: Context) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return True
    if parts.scheme == "s3":
        return _is_good_bucket(parse_qs(parts.query), context)
    # Pulumi's default is a service abroad; others are judged by the host that they run on.
    return parts.scheme in {"https", "http", "postgres", "postgresql"} and _is_good_host(
        parts.netloc, context
    )


def _is_good_bucket(query: dict[str, list[str]], context: Context) -> bool:
    endpoints = query.get("endpoint") or [
        context.environment[name] for name in _S3_VARIABLES if context.environment.get(name)
    ]
    if endpoints:
        return all(_is_good_host(endpoint, context) for endpoint in endpoints)
    regions = query.get("region", [])
    return bool(regions) and all(is_domestic(region, "aws") for region in regions)


def _is_good_keeper(url: str, context: Context) -> bool:
    parts = urlsplit(url)
    if url == "passphrase":
        return True
    if parts.scheme == "hashivault":
        given = [context.environment.get(name, "") for name in _VAULT_VARIABLES]
        addresses = [address for address in given if address]
        return bool(addresses) and all(_is_good_host(address, context) for address in addresses)
    if parts.scheme == "awskms":
        regions = parse_qs(parts.query).get("region", [])
        named = bool(regions) and all(is_domestic(region, "aws") for region in regions)
        return named and not foreign_in(url)
    if parts.scheme == "gcpkms":
        places = url.partition("/locations/")[2].split("/")
        return is_domestic(places[0], "gcp")
    return False
