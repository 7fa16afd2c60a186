"""Says in the reader's language what is wrong with a command line, for which click has English."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kokunai.language import worded

if TYPE_CHECKING:
    from collections.abc import Sequence


def shown(error: click.ClickException) -> str:
    """The usage of the command, what is wrong with the arguments, and where the help is."""
    lines = []
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        lines.append(context.get_usage())
        help_ = f"{context.command_path} --help"
        lines.append(worded(f"使い方は {help_} で分かります。", f"For help: {help_}", " / "))
    message = error.format_message()
    if (ja := _japanese(error)) is not None:
        message = worded(ja, message)
    return "\n".join([*lines, f"{worded('エラー', 'error', ' / ')}: {message}"])


def _japanese(error: click.ClickException) -> str | None:
    """None for a message that is in both languages, or that nobody has translated."""
    match error:
        case click.MissingParameter():
            ja: str | None = f"{_name(error)} がありません。"
        case click.NoSuchOption():
            ja = f"オプション {error.option_name} はありません。{_instead(error.possibilities)}"
        case click.BadOptionUsage():
            ja = f"オプション {error.option_name} の使い方が正しくありません（{error.message}）。"
        case click.BadParameter():
            ja = f"{_name(error)} の値が正しくありません（{error.message}）。"
        case click.FileError():
            ja = f"{error.ui_filename} を開けません（{error.message}）。"
        case click.UsageError() if error.message.isascii():
            ja = _of_usage(error)
        case _:
            ja = None
    return ja


def _of_usage(error: click.UsageError) -> str | None:
    """Click has classes for neither an unknown command nor for superfluous arguments."""
    given = error.message.partition("(")[2].rpartition(")")[0]
    named = error.message.partition("'")[2].partition("'")[0]
    if error.message.startswith("No such command"):
        return f"コマンド {named} はありません。{_instead(_commands(error.ctx))}"
    if error.message.startswith("Got unexpected extra argument"):
        return f"余分な引数があります: {given}"
    return "コマンドがありません。" if error.message.startswith("Missing command") else None


def _commands(context: click.Context | None) -> list[str]:
    if context is None or not isinstance(context.command, click.Group):
        return []
    return context.command.list_commands(context)


def _name(error: click.BadParameter) -> str:
    """What the user gave or left out, as click writes it."""
    hint = error.param_hint
    if hint is None and error.param is not None and error.ctx is not None:
        hint = error.param.get_error_hint(error.ctx)
    return hint if isinstance(hint, str) else "、".join(hint or ["引数"])


def _instead(known: Sequence[str] | None) -> str:
    return f"使えるもの: {', '.join(known)}" if known else ""
