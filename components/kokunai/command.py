"""Entry point of the command `kokunai`: our own packages come first, before one is imported."""

from __future__ import annotations

from kokunai.surroundings import prefer_installed_packages


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an old `click` on PYTHONPATH hides none of ours."""
    prefer_installed_packages()
    from kokunai import cli

    cli.main(arguments)
