"""`kokunai offers`: what is for sale, for how much, how it is had, and until when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kokunai import project
from kokunai.cli import yen
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.language import width, worded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai.catalog import Offer

_HEAD = (
    ("販売", "offer"),
    ("GPU", "GPU"),
    ("サイト", "site"),
    ("販売元", "seller"),
    ("運用", "operator"),
    ("調達", "obtained"),
    ("円/GPU 時", "yen/GPU h"),
    ("円/台・月", "yen/server month"),
    ("最短契約", "shortest term"),
    ("金額の出どころ", "price"),
    ("終了", "ends"),
)
_RIGHT = (6, 7)
"""Columns of amounts."""


@click.command()
@click.option("--gpu", multiple=True, help="GPU のキー / key of the GPU")
@click.option("--site", multiple=True, help="データセンターのキー / key of the data centre")
@click.option("--operator", multiple=True, help="運用する事業者のキー / key of the operator")
@click.option("--seller", multiple=True, help="販売元のキー / key of the seller")
@click.option(
    "--obtained",
    multiple=True,
    type=click.Choice(list(yen.OBTAINED)),
    help="調達方法 / how it is had",
)
@click.option(
    "--max-price",
    type=click.FloatRange(min=0),
    help="GPU 1 基 1 時間の円の上限 / most yen per GPU hour",
)
@click.option(
    "--certified", is_flag=True, help="国の認定を受けた事業者だけ / certified operators only"
)
@click.option(
    "--refresh",
    is_flag=True,
    help="公開価格を取得して比べます / compare with the public price list",
)
@click.option("--json", "as_json", is_flag=True, help="JSON で表示します / print as JSON")
def offers(*, as_json: bool, refresh: bool, **wanted: Any) -> None:
    """販売中の GPU と価格を示します。 / Show what is for sale and for how much.

    同じ絞り込みを重ねて書くと、どれかに合うものを示します。合うものがなければ終了コード 1 で
    終わります。金額はこのプロジェクトの kokunai-prices.yaml、カタログの順に使います。--refresh は
    さくらの公開価格と比べ、変わった価格だけを表示して kokunai-prices.yaml に書きます。ラボの価格は
    比べるだけです。 / A filter
    that is given several
    times shows what fits any of them; the exit code is 1 when nothing fits. Prices are those of
    this project's kokunai-prices.yaml, then the catalogue's. --refresh compares them with Sakura's
    public price list, prints only what changed, and writes it into kokunai-prices.yaml; prices of
    a lab are only compared.
    """
    if refresh:
        _refuse_filters(wanted)
        from kokunai.cli import price_refresh

        price_refresh.run(as_json=as_json)
        return
    _warn_of_broken_rows()
    rows = [row for row in _rows() if _fits(row, wanted)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    if not rows:
        raise _nothing(wanted)
    if not as_json:
        _show(rows)


def _refuse_filters(wanted: Mapping[str, Any]) -> None:
    """The whole price list is compared, so a filter would be taken for what it is not."""
    if given := [f"--{name.replace('_', '-')}" for name, value in wanted.items() if _is_set(value)]:
        names = ", ".join(given)
        raise KokunaiError(
            ja=f"--refresh は価格表の全体を比べるため、{names} と一緒には使えません。",
            en=f"--refresh compares the whole price list and cannot be used with {names}",
        )


def _is_set(value: Any) -> bool:
    """Whether an option was given; a most price of 0 is one, too."""
    return value is not None and value is not False and value != ()


def _warn_of_broken_rows() -> None:
    from kokunai import catalog

    head = click.style(worded("警告", "warning", " / "), fg="yellow")
    for problem in catalog.problems():
        text = worded(f"{problem.path}: {problem.ja}", f"{problem.path}: {problem.en}")
        click.echo(f"{head}: {shown(text)}", err=True)


def _rows() -> Iterator[dict[str, Any]]:
    """Every offer that can still be had, the cheapest of each GPU first and quotes last."""
    from kokunai import catalog, price_file
    from kokunai.catalog import retirement

    root = project.find_root(Path.cwd())
    own = price_file.read(root) if root else {}
    today = retirement.today()
    sold = [offer for offer in catalog.offers() if not retirement.has_ended(offer, today)]
    rows = [_row(offer, own.get(offer.key)) for offer in sold]
    unknown = float("inf")
    yield from sorted(
        rows, key=lambda row: (row["gpu"], row["jpy_per_gpu_hour"] or unknown, row["offer"])
    )


def _row(offer: Offer, own: Any) -> dict[str, Any]:
    """An offer as JSON has it: the catalogue's row, what it stands on, and its cost."""
    from kokunai import catalog, cost
    from kokunai.catalog import facts, retirement

    site, operator = catalog.sites().get(offer.site), facts.operators().get(offer.operator)
    shape, fabric = (
        catalog.shapes().get(offer.shape or ""),
        catalog.fabrics().get(offer.fabric or ""),
    )
    last = retirement.last_day(offer)
    price = own.price if own else offer.price
    dropped = {"key", "terms", "price", "ends_on", "shape", "fabric", "source", "as_of"}
    return {
        "offer": offer.key,
        **offer.model_dump(mode="json", exclude=dropped),
        "operator_country": operator.country if operator else None,
        "certified": bool(operator and operator.is_certified(retirement.today())),
        "prefecture": site.prefecture if site else None,
        "access": list(site.access) if site else [],
        "shape": shape.model_dump(mode="json") if shape else None,
        "fabric": fabric.model_dump(mode="json") if fabric else None,
        **cost.of_servers(offer, 1, own.own if own else None).as_data(),
        "price_presumes_months": price.minimum_months if price else 0,
        "ends_on": last.isoformat() if last else None,
        "source": own.source if own else offer.source,
        "as_of": (own.as_of if own else offer.as_of).isoformat(),
    }


def _fits(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """A price that nobody has told is not below any."""
    keys = ("gpu", "site", "operator", "seller", "obtained")
    if any(wanted[key] and row[key] not in wanted[key] for key in keys):
        return False
    if wanted["certified"] and not row["certified"]:
        return False
    most, price = wanted["max_price"], row["jpy_per_gpu_hour"]
    return most is None or (price is not None and price <= most)


def _nothing(wanted: Mapping[str, Any]) -> KokunaiError:
    """Nothing fits: what was misspelt is answered with what there is."""
    known = {
        key: sorted({row[key] for row in _rows()}) for key in ("gpu", "site", "operator", "seller")
    }
    for key, allowed in known.items():
        if unknown := [shown(value, 40) for value in wanted[key] if value not in allowed]:
            listed = ", ".join(allowed)
            return KokunaiError(
                ja=f"合う販売はありません。--{key} {unknown[0]} は販売にありません。"
                f"指定できるもの: {listed}",
                en=f"nothing fits: no offer has --{key} {unknown[0]}; allowed: {listed}",
            )
    hint = wanted["max_price"] is not None
    return KokunaiError(
        ja="すべての条件に合う販売はありません。条件を減らしてください。"
        + ("見積もりの販売は --max-price に合いません。" if hint else ""),
        en="nothing fits all of the filters; leave some out"
        + (" (what has to be quoted fits no --max-price)" if hint else ""),
    )


def _show(rows: Iterable[Mapping[str, Any]]) -> None:
    cells = [[yen.said(title) for title in _HEAD], *map(_cells, rows)]
    for index, line in enumerate(aligned(cells)):
        click.echo(click.style(line, bold=True) if index == 0 else line)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row["offer"],
        f"{row['gpu']} x{row['gpu_count']}",
        row["site"],
        row["seller"],
        row["operator"],
        yen.said(yen.OBTAINED[row["obtained"]]),
        yen.amount(row, "jpy_per_gpu_hour"),
        yen.amount(row, "jpy_per_month"),
        yen.term(row),
        yen.basis(row),
        row["ends_on"] or "-",
    ]


def aligned(cells: list[list[str]], right: tuple[int, ...] = _RIGHT) -> list[str]:
    """Lines whose columns begin at the same place on a terminal, full-width characters or not."""
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        gaps = [" " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        placed = [
            gap + cell if index in right else cell + gap
            for index, (cell, gap) in enumerate(zip(row, gaps, strict=True))
        ]
        lines.append("  ".join(placed).rstrip())
    return lines
