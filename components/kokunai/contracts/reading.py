"""Reads contract files and reports every mistake at once, each with its file and path."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import catalog, user_paths, yaml_reader
from kokunai.contracts import Contract, slurm_rows, today
from kokunai.contracts.rows import BEFORE_DELIVERY, File, Row
from kokunai.errors import KokunaiError, Problem, path_text
from kokunai.problems import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from kokunai.contracts import Host


def read(root: Path, given: Iterable[str], on: date | None = None) -> dict[str, Contract]:
    """The contracts of all files by key, as they stand on a day; paths start at `root`.

    Raises KokunaiError with every mistake of every file.
    """
    day = on or today()
    problems: list[Problem] = []
    found: dict[str, Contract] = {}
    for file in given:
        rows = _rows(root, file, problems)
        for key, row in rows.items():
            if key in found:
                problems.append(_twice(file, key, found[key].file))
            contract = Contract(key, row, file, day)
            problems += [_placed(file, problem) for problem in _of_row(contract)]
            found.setdefault(key, contract)
    problems += _shared(found.values())
    if problems:
        raise _refusal(problems)
    return found


def _rows(root: Path, file: str, problems: list[Problem]) -> dict[str, Row]:
    """The valid content of a file; what is wrong with it goes to `problems`."""
    path = user_paths.absolute(root, file)
    try:
        content = yaml_reader.read(path)
    except OSError as error:
        said = f"読めません: {error.strerror}", f"cannot be read: {error.strerror}"
        problems.append(Problem(file, *said))
        return {}
    except yaml_reader.NotYaml as error:
        said = f"YAML として読めません: {error.ja}", f"is not YAML: {error}"
        problems.append(Problem(file, *said))
        return {}
    try:
        return dict(File.model_validate(content).contracts)
    except ValidationError as error:
        problems += [_placed(file, problem) for problem in translated(error, File)]
        return _sound_rows(content)


def _sound_rows(content: Any) -> dict[str, Row]:
    """The rows without a mistake of their own, so that mistakes between them are found, too."""
    rows = content.get("contracts") if isinstance(content, dict) else None
    sound: dict[str, Row] = {}
    for key, row in rows.items() if isinstance(rows, dict) else ():
        try:
            sound |= File.model_validate({"contracts": {key: row}}).contracts
        except ValidationError:
            continue
    return sound


def _of_row(contract: Contract) -> Iterator[Problem]:
    """Mistakes within a row that its model does not see."""
    where = ("contracts", contract.key)
    yield from _unknown_offer(contract, path_text((*where, "offer")))
    for field, ja, en in _contradictions(contract.row, contract.on):
        yield Problem(path_text((*where, field)), ja, en)
    for path, ja, en in slurm_rows.problems(contract):
        yield Problem(path_text((*where, *path)), ja, en)


def _unknown_offer(contract: Contract, where: str) -> Iterator[Problem]:
    known = [row.key for row in catalog.offers()]
    if contract.row.offer not in known:
        listed = ", ".join(known)
        yield Problem(
            where,
            f"販売 {contract.row.offer} はカタログにありません。指定できるもの: {listed}",
            f"offer {contract.row.offer} is not in the catalogue; allowed: {listed}",
        )


def _contradictions(row: Row, on: date) -> Iterator[tuple[str, str, str]]:
    """Dates and contents that contradict the state; passing time never makes a new one."""
    if row.state in BEFORE_DELIVERY:
        if row.applied_on is None:
            ja = f"state が {row.state} のときは、申し込んだ日を書いてください"
            yield "applied_on", ja, f"is required in state {row.state}"
        if row.delivered_on is not None:
            ja = f"state が {row.state} なのに、納品日があります"
            yield "delivered_on", ja, f"contradicts state {row.state}, which is before a delivery"
    else:
        if row.delivered_on is None:
            ja = f"state が {row.state} のときは、納品日を書いてください"
            yield "delivered_on", ja, f"is required in state {row.state}"
        if row.state != "returned" and not row.hosts and not row.services:
            ja = f"state が {row.state} のときは、hosts か services を書いてください"
            yield "hosts", ja, f"hosts or services are required in state {row.state}"
    if row.state == "returning" and row.paid_until is None:
        ja = "返却するときは、いつまで使えるかを書いてください"
        yield "paid_until", ja, "is required in state returning"
    yield from _order(row, on)


def _order(row: Row, on: date) -> Iterator[tuple[str, str, str]]:
    """Dates that lie in the future, or before one that must come first."""
    for field in ("applied_on", "delivered_on"):
        day = getattr(row, field)
        if day is not None and day > on:
            yield field, f"{day} は今日（{on}）より後です", f"{day} is after today, {on}"
    steps = [
        (field, day)
        for field in ("applied_on", "delivered_on", "paid_until")
        if (day := getattr(row, field)) is not None
    ]
    for (first, earlier), (second, later) in pairwise(steps):
        if later < earlier:
            ja = f"{later} は {first} の {earlier} より前です"
            yield second, ja, f"{later} is before {first}, {earlier}"


def _shared(contracts: Iterable[Contract]) -> Iterator[Problem]:
    """Hosts that have one name in a contract, or one address or key anywhere."""
    taken: dict[tuple[str, ...], str] = {}
    for contract in contracts:
        if contract.standing in {"returned", "expired"}:
            continue  # a new contract may be for the same machines
        for index, host in enumerate(contract.row.hosts):
            path = ("contracts", contract.key, "hosts", index)
            here = f"{contract.file} {path_text(path)}"
            for field, claim in _claims(contract, host).items():
                earlier = taken.setdefault((field, *claim), here)
                if earlier != here:
                    where = f"{contract.file} {path_text((*path, field))}"
                    yield Problem(where, *_taken(earlier))


def _claims(contract: Contract, host: Host) -> dict[str, tuple[str, ...]]:
    """What no two hosts have in common, by field.

    Several contracts may share the login node of a Slurm cluster, one for each partition.
    """
    address = (host.address, str(host.port), host.jump or "")
    partition = (contract.row.slurm.partition,) if contract.row.slurm else ()
    return {
        "name": (contract.key, host.name),
        "address": (*address, *partition),
        "host_key": (host.host_key, *partition),
    }


def _taken(earlier: str) -> tuple[str, str]:
    return f"{earlier} と同じです", f"is that of {earlier}, too"


def _twice(file: str, key: str, other: str) -> Problem:
    where = f"{file} {path_text(('contracts', key))}"
    return Problem(
        where, f"契約 {key} は {other} にもあります", f"contract {key} is in {other}, too"
    )


def _placed(file: str, problem: Problem) -> Problem:
    return Problem(f"{file} {problem.path}".strip(), problem.ja, problem.en)


def _refusal(problems: Iterable[Problem]) -> KokunaiError:
    by_place: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_place[problem.path].append(problem)
    ordered = [row for place in sorted(by_place) for row in dict.fromkeys(by_place[place])]

    def lines(language: str) -> str:
        return "\n".join(f"  {row.path}: {getattr(row, language)}" for row in ordered)

    return KokunaiError(
        ja=f"契約ファイルに {len(ordered)} 件の誤りがあります。\n{lines('ja')}",
        en=f"{len(ordered)} mistake(s) in contract files:\n{lines('en')}",
    )
