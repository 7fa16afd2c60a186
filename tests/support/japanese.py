"""Finds the Japanese texts of the house and what is written in them otherwise than elsewhere."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("components", "policies", "playbooks", "stacks", "examples")
SUFFIXES = {".py", ".yaml", ".yml", ".j2", ".md", ".sh"}
ALONE = ("Makefile", "README.ja.md")
AS_ELSEWHERE = {"_playbooks", "data"}
"""Folders with a copy, and with names and errors as the real API words them."""

_LETTER = r"[\u3005-\u30fa\u30fc-\u30ff\u3400-\u9fff、。「」]"
_JAPANESE = re.compile(_LETTER)
_BRACKET = re.compile(rf"{_LETTER} ?\(|\((?={_LETTER})|{_LETTER}\)|\) ?(?={_LETTER})")
_CODE = re.compile(
    r"`[^`]*`|\]\([^)]*\)|<!--.*?-->|\{\{.*?\}\}|\[\[.*?\]\]|\[%.*?%\]"
    r"|[A-Za-z_$]\([^()\u3040-\u9fff]*\)"
)

SPELLINGS = {
    r"サーバ(?!ー)": "サーバー",
    r"クラスタ(?!ー|リ)": "クラスター",
    r"ディレクトリー": "ディレクトリ",
    r"フィルタ(?!ー|リ)": "フィルター",
    r"デバッガ(?!ー)": "デバッガー",
    r"ユーザ(?!ー)": "ユーザー",
    r"エミュレータ(?!ー)": "エミュレーター",
    r"ドライバ(?!ー)": "ドライバー",
    r"インター?フェイス|インタフェース": "インターフェース",
    r"(?<![-/_.\w])playbook(?![-/_.\w])": "プレイブック",
    r"例外": "免除",
    r"要求者|依頼者": "申請者",
    r"(?:(?<=[\u3040-\u309f、。 ])|^)版(?=[がはをのに。、 ])": "バージョン",
    r"断りました|断ります": "拒否しました、エラーにします",
}
"""A pattern that must not stand in a Japanese text, and what stands there instead."""


@functools.cache
def texts() -> tuple[tuple[str, str], ...]:
    """Place and text of everything with Japanese in it, code left out."""
    return tuple(_read())


def _read() -> Iterator[tuple[str, str]]:
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    for path in [*found, *(ROOT / name for name in ALONE)]:
        if path.is_symlink() or AS_ELSEWHERE & set(path.parts) or not path.is_file():
            continue
        if path.suffix in SUFFIXES or path.name in ALONE:
            read = _of_python if path.suffix == ".py" else _of_lines
            for line, text in read(path.read_text(encoding="utf-8")):
                if _JAPANESE.search(text):
                    yield f"{path.relative_to(ROOT)}:{line}", text


def _of_lines(content: str) -> Iterator[tuple[int, str]]:
    is_code = False
    for number, line in enumerate(content.splitlines(), 1):
        is_code ^= line.startswith("```")
        if not is_code:
            yield number, without_code(line)


def _of_python(content: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(content)
    within = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in within:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, without_code("".join(map(_part, node.values)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, without_code(node.value)


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "◆"


def without_code(text: str) -> str:
    """The text with commands, links and calls replaced."""
    return _CODE.sub("X", text)


def brackets(text: str) -> list[str]:
    """Half-width brackets of a Japanese sentence, with what stands around them."""
    return [text[max(0, at.start() - 12) : at.end() + 12] for at in _BRACKET.finditer(text)]


def spellings(text: str) -> list[str]:
    """Words that are spelt otherwise elsewhere, each with what stands there."""
    return [
        f"{found[0]} → {right}"
        for wrong, right in SPELLINGS.items()
        for found in re.finditer(wrong, text)
    ]
