"""Renders the files of a project of one's own from templates and the catalogue."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kokunai.airgap.versions import VERSION as ENGINE_VERSION
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kokunai import catalog

_TEMPLATES = Path(__file__).parent / "templates"
_SELLER_FILE = "Pulumi.seller.yaml"
_NAME = re.compile(r"(?!(?i:pulumi)(\.|$))[A-Za-z0-9_.-]{1,100}")
"""What Pulumi accepts as the name of a project."""
_DESCRIPTION = "GPU clusters on domestic Japanese capacity"
STEPS = (
    "python3 -m venv .venv",
    ".venv/bin/pip install -r requirements.txt",
    "source .venv/bin/activate",
    "mkdir -p -m 700 .kokunai/ssh",
    "ssh-keygen -q -t ed25519 -N '' -f .kokunai/ssh/id_ed25519",
    "kokunai doctor --install",
    "kokunai engine install",
    "kokunai lab up",
    "kokunai run -- pulumi stack select --create local",
    "kokunai run -- pulumi up --stack local --policy-pack policies",
    "kokunai summary",
)
"""The commands from a new project to a cluster on this machine, for README and message."""


@dataclass(frozen=True)
class Seller:
    """A seller, what it sells, and the offer its example stack asks for."""

    key: str
    ja: str
    en: str
    offers: tuple[catalog.Offer, ...]
    has_network: bool
    """Whether private networks can be made at the site of the example."""
    is_ambiguous: bool
    """Whether another seller has the same GPU at the same site."""

    @property
    def offer(self) -> catalog.Offer:
        """What the example stack asks for."""
        return self.offers[0]


def sellers(wanted: Sequence[str] = ()) -> list[Seller]:
    """Sellers of the catalogue, or those wanted. Raises KokunaiError listing all."""
    known = list(dict.fromkeys(offer.seller for offer in _made_by_api()))
    if unknown := [key for key in wanted if key not in known]:
        raise KokunaiError(
            ja=f"カタログにない販売元です: {', '.join(unknown)}。"
            f"指定できるもの: {', '.join(known)}",
            en=f"the catalogue has no offer of {', '.join(unknown)}; allowed: {', '.join(known)}",
        )
    return [_seller(key) for key in known if key in wanted or not wanted]


def _made_by_api() -> list[catalog.Offer]:
    """Offers of which an example stack can be made; any other needs a contract of one's own."""
    from kokunai import catalog

    return [offer for offer in catalog.offers() if offer.obtained == "api"]


def _seller(key: str) -> Seller:
    from kokunai import catalog
    from kokunai.catalog import facts

    offers = _made_by_api()
    own = tuple(offer for offer in offers if offer.seller == key)
    rivals = [offer for offer in offers if (offer.site, offer.gpu) == (own[0].site, own[0].gpu)]
    operator = facts.operators().get(key)
    return Seller(
        key=key,
        ja=operator.ja if operator else key,
        en=operator.en if operator else key,
        offers=own,
        has_network=any(row.site == own[0].site for row in catalog.services()),
        is_ambiguous=len(rivals) > 1,
    )


def project_name(directory: Path, given: str | None = None) -> str:
    """The given name, or one made of the folder's. Raises KokunaiError saying what is allowed."""
    if given is None:
        plain = unicodedata.normalize("NFKC", directory.resolve().name)
        made = re.sub(r"[^A-Za-z0-9_.]+", "-", plain).strip("-.")[:100]
        return made if _NAME.fullmatch(made) else "gpu-cluster"
    if _NAME.fullmatch(given):
        return given
    raise KokunaiError(
        ja=f"プロジェクト名 {given!r} は使えません。"
        "使えるもの: 半角英数字と - _ . の 100 文字まで。"
        "pulumi という名前と pulumi. で始まる名前は Pulumi が受け付けません",
        en=f"{given!r} cannot be the name of a project; allowed are up to 100 of A-Z a-z 0-9 - _ . "
        "except pulumi and what begins with pulumi.",
    )


def render(name: str, offered: Sequence[Seller], *, is_template: bool = False) -> dict[str, str]:
    """Texts of all files by path; in a template Pulumi's placeholder stands for the name."""
    common = {
        "name": "${PROJECT}" if is_template else name,
        "description": "${DESCRIPTION}" if is_template else _DESCRIPTION,
        "template_description": _DESCRIPTION,
        "is_template": is_template,
        "steps": STEPS,
        "stacks": [seller.key for seller in offered],
        "sellers": offered,
        "lab": sellers(["sakura"])[0],  # whose API the lab emulates
        "first_stack": offered[0].key,
        "credentials": [name for seller in offered for name in _credentials(seller.key)],
        "version": version("kokunai"),
        "engine_version": ENGINE_VERSION.removeprefix("v"),
    }
    return dict(_files(common))


def _credentials(seller: str) -> list[str]:
    """Variables with which a seller's API is called; a seller without an API needs none."""
    from kokunai.catalog import facts

    provider = facts.seller_providers().get(seller)
    return [names[0] for names in provider.secrets.values()] if provider else []


def _files(common: Mapping[str, Any]) -> list[tuple[str, str]]:
    environment = _jinja()
    files = []
    for template in environment.list_templates(extensions=["j2"]):
        path = template.removesuffix(".j2").replace("dot-", ".")
        if path != _SELLER_FILE:
            files.append((path, environment.get_template(template).render(common)))
            continue
        files += [
            (f"Pulumi.{seller.key}.yaml", environment.get_template(template).render(seller=seller))
            for seller in common["sellers"]
        ]
    return files


def _jinja() -> Any:
    import jinja2
    import yaml

    def scalar(value: str) -> str:
        """The text as a YAML scalar, quoted where YAML would read another type."""
        text: str = yaml.safe_dump(value, allow_unicode=True, width=1000)
        return text.removesuffix("\n").removesuffix("\n...")

    # GitHub's own expressions are written {{ }}, so the templates use [[ ]].
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the files are YAML, Python and Markdown, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters["yaml"] = scalar
    return environment
