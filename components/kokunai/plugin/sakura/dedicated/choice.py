"""Decides which service a resource adopts: its own, the one that is named, or a free one."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.plugin.sakura.dedicated import mark as marks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from kokunai.drivers.sakura_phy_views import Service
    from kokunai.plugin.kind import Operation, Props


def own(op: Operation, services: Mapping[str, Service]) -> Service | None:
    """The service with our whole mark. Raises KokunaiError where another stack has our place."""
    here = [row for row in _sorted(services) if marks.read(row).place == op.place]
    here = [row for row in here if not op.is_held_elsewhere(row.service_id)]
    for row in here:
        if not op.owner or not marks.read(row).is_of(op):
            raise _foreign(op, row)
    return here[0] if here else None


def free(
    op: Operation,
    services: Mapping[str, Service],
    wanted: Props,
    *,
    running: Collection[str] = (),
    foreseen: Collection[str] = (),
) -> Service:
    """The service to adopt; `foreseen` are those that others will adopt.

    A server that runs is in somebody's use, whatever its mark: only its id names it.
    Raises KokunaiError where the one that is named is not free, or no matching one is.
    """
    if wanted["serviceId"]:
        return _named(op, services, wanted["serviceId"], foreseen)
    kept, taken = set(wanted.get("exceptServices") or ()), {*running, *foreseen}
    matching = [
        row for row in _sorted(services) if matches(row, wanted) and row.service_id not in kept
    ]
    left = [row for row in matching if not marks.read(row).place and row.service_id not in taken]
    if left:
        return left[0]
    idle = [row for row in matching if not marks.read(row).place]
    raise _none_left(wanted, matching, len(idle), services.values())


def matches(service: Service, wanted: Props) -> bool:
    """Whether a service is of the model and has the tag."""
    tags = {tag.label for tag in service.tags or ()}
    return is_model(service, wanted["model"]) and wanted["tag"] in tags


def is_model(service: Service, model: str) -> bool:
    """Whether every word of `model` stands in the name or the id of the plan.

    H100 is found in `8xH100`, `H100x8` and `gpu-h100-01`, but not in `GH1000`.
    """
    plan = service.plan
    text = _folded(f"{plan.plan_id} {plan.name}") if plan else ""
    return all(
        re.search(rf"(?<![a-wyz]){re.escape(word)}(?![0-9])", text)
        for word in _folded(model).split()
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _sorted(services: Mapping[str, Service]) -> list[Service]:
    return [services[key] for key in sorted(services)]


def _named(
    op: Operation, services: Mapping[str, Service], service_id: str, foreseen: Collection[str]
) -> Service:
    service = services.get(service_id)
    if service is None:
        known = ", ".join(sorted(services)[:20]) or "-"
        raise KokunaiError(
            ja=f"サービス {service_id} は、このアカウントの契約中のサーバーにありません。"
            f"あるもの: {known}",
            en=f"this account has no server {service_id} under contract; it has: {known}",
        )
    if marks.read(service).place:
        raise _foreign(op, service)
    if service_id in foreseen:
        raise KokunaiError(
            ja=f"{op.name} のサービス {service_id} は、この実行で別のリソースも使います。"
            "どちらかに別のサービスを指定するか、もう一方の exceptServices に加えてください。",
            en=f"the service {service_id} of {op.name} is chosen by another resource of this run, "
            "too; name another service, or add it to exceptServices of the other resource",
        )
    return service


def _foreign(op: Operation, service: Service) -> KokunaiError:
    mark = marks.read(service)
    name, owner = shown(mark.name, 64) or "?", shown(mark.owner, 32) or "?"
    return KokunaiError(
        ja=f"{op.name} はサービス {service.service_id} を使えません。別のリソース「{name}」"
        f"（所有者 {owner}）が使用中です。何も変更していません。そちらを destroy で解放するか、"
        f"別のサービスを使ってください。ステートをなくした自分のものなら、"
        "`pulumi import kokunai:index:Owner` で所有者を引き継げます。",
        en=f"{op.name} cannot use the service {service.service_id}: another resource, {name} "
        f"(owner {owner}), uses it. Nothing was touched. Release it with destroy, or use another "
        "service; if it is yours and its state was lost, import its kokunai:index:Owner.",
    )


def _none_left(
    wanted: Props, matching: list[Service], running: int, services: Iterable[Service]
) -> KokunaiError:
    model, tag = wanted["model"], wanted["tag"]
    kept = set(wanted.get("exceptServices") or ())
    others = [row for row in services if is_model(row, model) and row not in matching]
    untagged = sum(row.service_id not in kept for row in others)
    kept_ja = f"契約ファイルなどで別に指定された {len(others) - untagged} 台は除きます。"
    kept_en = f"{len(others) - untagged} more are named elsewhere and left out. "
    return KokunaiError(
        ja=f"空いている専用サーバーが足りません（モデル {model}、タグ {tag}）。条件に合う契約は "
        f"{len(matching)} 台で、空きがありません。"
        f"うち {running} 台は、電源が入っているか、この実行で使う予定のものです"
        f"（停止するか serviceId で指定）。タグのない同じモデルは {untagged} 台です。"
        f"{kept_ja if len(others) > untagged else ''}"
        f"使ってよいサーバーにコントロールパネルでタグ {tag} を付けるか、追加で契約してください。",
        en=f"too few dedicated servers are free (model {model}, tag {tag}): {len(matching)} match, "
        f"none is free; {running} of them run or will be adopted in this run (switch them off, "
        f"or name them by serviceId), and {untagged} of that model have no such tag. "
        f"{kept_en if len(others) > untagged else ''}"
        f"Set the tag {tag} in the control panel on those that may be used, or order more.",
    )


def refuse_other(op: Operation, left: Service, wanted: Props) -> None:
    """Raises KokunaiError when what an interrupted create adopted is not what is wanted now."""
    is_named = wanted["serviceId"] in {"", left.service_id}
    is_meant = is_model(left, wanted["model"]) if not wanted["serviceId"] else is_named
    if not is_meant:
        raise KokunaiError(
            ja=f"前回中断した {op.name} の作成処理がサービス {left.service_id} を使っており、"
            "現在の設定（serviceId、model）と一致しません。設定を元に戻して pulumi up を終えてから"
            "変えてください。",
            en=f"An interrupted create of {op.name} adopted the service {left.service_id}, which "
            "differs from the inputs (serviceId, model). Put them back, finish pulumi up and "
            "change them then.",
        )
