"""The house keeps its own rules: one-way imports, a reason atop every file, small functions."""

import ast
import functools
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("components", "policies", "stacks")
    for path in (ROOT / folder).rglob("*.py")
)


# One worker reads each file once.
pytestmark = pytest.mark.xdist_group("house")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        n for n in ast.walk(_tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno
    return function.end_lineno - function.lineno + 1


def test_every_file_opens_with_why_it_exists():
    silent = [path for path in SOURCES if not ast.get_docstring(_tree(path))]

    assert silent == []


def test_no_function_is_longer_than_forty_lines():
    long = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in SOURCES
        for function in _functions(path)
        if _length(function) > 40
    ]

    assert long == []


def test_the_median_function_is_under_ten_lines():
    lengths = [_length(function) for path in SOURCES for function in _functions(path)]

    assert median(lengths) < 10


def test_imports_go_one_way():
    ended = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/**/tasks/*.yml")), ids=str)
def test_a_task_file_stays_under_sixty_lines(path: Path):
    assert path.read_text(encoding="utf-8").count("\n") < 60
