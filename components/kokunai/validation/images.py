"""Finds package sources that belong to another operating system than the image of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai import catalog, resolved
from kokunai.errors import KokunaiError, Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai import model


def problems(pools: Mapping[int, model.GpuNodePool], raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A pool whose nodes would be given the packages of another release."""
    given = _suites(raw)
    releases = {row.suite: row.key for row in catalog.images().values()}
    for index, pool in pools.items():
        image = _image(pool)
        others = [name for name in given if name in releases and image and name != image.suite]
        if image and others:
            yield Problem(
                path_text(("pools", index, "image")),
                f"hosts.package_sources の {others[0]} は {releases[others[0]]} のもので、"
                f"{image.key} では使えません。同じスタックの OS は 1 種類にするか、"
                f"suites を {image.suite} にしてください",
                f"hosts.package_sources holds {others[0]} of {releases[others[0]]}, which does not "
                f"fit {image.key}; use one image in a stack, or the suites of {image.suite}",
            )


def _suites(raw: Mapping[str, Any]) -> list[str]:
    """Releases that the package sources name: `bookworm` of `bookworm-updates`."""
    hosts = raw.get("hosts")
    sources = hosts.get("package_sources") if isinstance(hosts, dict) else None
    rows = [row for row in sources if isinstance(row, dict)] if isinstance(sources, list) else []
    named = [row.get("suites") for row in rows]
    suites = [text for one in named if isinstance(one, list) for text in one]
    return [text.partition("-")[0].partition("/")[0] for text in suites if isinstance(text, str)]


def _image(pool: model.GpuNodePool) -> catalog.Image | None:
    """The pool's image; None where offer or image are refused elsewhere."""
    try:
        return catalog.image(pool.image, driver=resolved.offer_of(pool).driver)
    except KokunaiError:
        return None
