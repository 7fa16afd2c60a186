"""Where the state of the stack and the keys of its secrets are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from kokunai.catalog import facts
from kokunai_policy import hosts
from kokunai_policy.model import STACK_TYPE, Inspected, Judgement, Verdict
from kokunai_policy.regions import foreign_in, is_domestic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BACKENDS_JA = "file:///path、s3://bucket?endpoint=<国内の登録済みホスト>"
_BACKENDS_EN = "file:///path, s3://bucket?endpoint=<known domestic host>"
_SECRETS_JA = "passphrase、awskms://...?region=ap-northeast-1、国内の hashivault"
_SECRETS_EN = "passphrase, awskms://...?region=ap-northeast-1, a domestic hashivault"
_S3_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_VAULT_VARIABLES = ("VAULT_ADDR", "VAULT_SERVER_URL")


def judge_backend(seen: Inspected) -> Iterator[Judgement]:
    """The state is on this machine or at a known domestic host."""
    if seen.resource.type != STACK_TYPE:
        return
    url = seen.context.state.backend_url if seen.context.state else None
    if url is None:
        yield _state_unknown("ステートの保存先", "the state backend", "backend.url")
    elif _is_good_backend(url, seen.context.environment):
        yield Judgement(Verdict.PASS, "backend.url")
    else:
        where = _spoken(url)
        yield Judgement(
            Verdict.FAIL,
            "backend.url",
            f"ステートの保存先 {where} は国内と確認できません。指定できるもの: {_BACKENDS_JA}",
            f"the state backend {where} is not known to be domestic; allowed: {_BACKENDS_EN}",
        )


def judge_secrets(seen: Inspected) -> Iterator[Judgement]:
    """The key that encrypts secrets is a passphrase or kept in Japan."""
    if seen.resource.type != STACK_TYPE:
        return
    url = seen.context.state.secrets_provider if seen.context.state else None
    if url is None:
        yield _state_unknown("秘密情報の鍵の場所", "the secrets provider", "secretsprovider")
    elif _is_good_keeper(url, seen.context.environment):
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
    """Scheme and host only: the rest of such a URL can hold credentials."""
    parts = urlsplit(url)
    host = hosts.canonical(parts.netloc) if parts.netloc else None
    return f"{parts.scheme}://{host.name}" if host else f"{parts.scheme or url[:20]}://"


def _is_good_host(text: str) -> bool:
    host = hosts.canonical(text)
    if host is None:
        return False
    row = hosts.known(host, facts.hosts("api"))
    return host.loopback or host.inside or (row is not None and row.domestic)


def _is_good_backend(url: str, environment: Mapping[str, str]) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return True
    if parts.scheme == "s3":
        return _is_good_bucket(parse_qs(parts.query), environment)
    # The default is a service abroad; a self-hosted one or a database counts by its host.
    return parts.scheme in {"https", "http", "postgres", "postgresql"} and _is_good_host(
        parts.netloc
    )


def _is_good_bucket(query: dict[str, list[str]], environment: Mapping[str, str]) -> bool:
    endpoints = query.get("endpoint") or [
        environment[name] for name in _S3_VARIABLES if environment.get(name)
    ]
    if endpoints:
        return all(_is_good_host(endpoint) for endpoint in endpoints)
    regions = query.get("region", [])
    return bool(regions) and all(is_domestic(region, "aws") for region in regions)


def _is_good_keeper(url: str, environment: Mapping[str, str]) -> bool:
    parts = urlsplit(url)
    if url == "passphrase":
        return True
    if parts.scheme == "hashivault":
        given = [environment[name] for name in _VAULT_VARIABLES if environment.get(name)]
        return bool(given) and all(_is_good_host(one) for one in given)
    if parts.scheme == "awskms":
        regions = parse_qs(parts.query).get("region", [])
        named = bool(regions) and all(is_domestic(region, "aws") for region in regions)
        return named and not foreign_in(url)
    if parts.scheme == "gcpkms":
        places = url.partition("/locations/")[2].split("/")
        return is_domestic(places[0], "gcp")
    return False
