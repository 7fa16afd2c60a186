"""Says how a plugin or a policy pack is started from its source."""

import tomllib
from pathlib import Path

from kokunai.airgap.errors import AirgapError


def plan_command(python: str, directory: Path, arguments: list[str], *, kind: str) -> list[str]:
    """Return the command line that serves the plugin in `directory`."""
    if kind == "analyzer":
        return [python, "-u", "-m", "pulumi.policy", *arguments, str(directory)]
    if (directory / "__main__.py").is_file():
        return [python, "-u", str(directory), *arguments]
    return [python, "-u", "-m", "pulumi.run.plugin", read_project_name(directory), *arguments]


def read_project_name(directory: Path) -> str:
    """Return the distribution's name; a directory without one cannot be run."""
    try:
        content = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))
        return str(content["project"]["name"])
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise AirgapError(
            ja=f"{directory} を実行できません。"
            "__main__.py か、name のある pyproject.toml が必要です。",
            en=f"{directory} cannot be run: "
            "it needs a __main__.py, or a pyproject.toml with a name",
        ) from error
