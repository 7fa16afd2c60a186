"""Says which optional extra of the package is missing, instead of a failing import's traceback."""

from __future__ import annotations

from importlib.util import find_spec

from kokunai.errors import KokunaiError

MODULES = {
    "lab": ("starlette", "uvicorn", "moto", "flask", "flask_cors"),
    "policy": ("pulumi_policy",),
}
"""What each extra of pyproject.toml installs, by the name it is imported with."""


def require(extra: str) -> None:
    """Return when the extra is installed. Raises KokunaiError saying how to install it."""
    missing = ", ".join(name for name in MODULES[extra] if find_spec(name) is None)
    if missing:
        command = f"pip install 'kokunai[{extra}]'"
        raise KokunaiError(
            ja=f"この機能に必要なパッケージがありません: {missing}。入れるには: {command}",
            en=f"this needs packages that are not installed: {missing}; install with: {command}",
        )
