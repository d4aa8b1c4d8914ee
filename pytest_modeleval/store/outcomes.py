"""Outcomes: what became of each case of a run, in one small file, so that many runs can be read.

``outcomes.json`` is to the records what an index is to a book: twenty runs of 10,000 cases are read
in a fraction of a second, their records in many. The records of one case are found by their id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.pasts import Appearance, CaseRun, Past, appearances
from pytest_modeleval.core.records import FORMAT_VERSION, Record
from pytest_modeleval.store.runs import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_modeleval.core.pasts import CaseKey
    from pytest_modeleval.core.records import Outcome

__all__ = ["Pasts", "read_case", "read_pasts", "write_outcomes"]

_N_EARLIER = 19  # with the run itself, a past is of at most 20
_N_LOOKED_AT = 60  # runs, since some are of other suites
_FILE = "outcomes.json"
_LETTERS: Mapping[str, Outcome] = {
    "p": "passed",
    "m": "missed",
    "e": "errored",
    "u": "unscored",
}
_LETTER_OF = {outcome: letter for letter, outcome in _LETTERS.items()}
_TROUBLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasts:
    """The pasts of the cases that were asked for.

    Attributes:
        by_case: The past of each.
        n_unreadable: Earlier runs that are damaged, or of a later version, and count nowhere.
    """

    by_case: Mapping[CaseKey, Past] = field(default_factory=dict)
    n_unreadable: int = 0


def write_outcomes(folder: Path, records: Iterable[Record]) -> None:
    """Write what became of each case: its content's hash, and a letter each time it was asked.

    Raises:
        OSError: It could not be written.
    """
    places: dict[tuple[str, str, str | None], dict[str, str]] = defaultdict(dict)
    for (suite, variant, model, case_id), item in appearances(records).items():
        letters = "".join(_LETTER_OF[outcome] for outcome in item.outcomes)
        places[suite, variant, model][case_id] = f"{item.content_hash} {letters}"
    suites = [
        {"suite": suite, "variant": variant, "model": model, "cases": cases}
        for (suite, variant, model), cases in places.items()
    ]
    write_whole(folder / _FILE, {"suites": suites}, indent=None)


def read_pasts(
    folder: Path, records: Iterable[Record], wanted: Iterable[CaseKey], about: Mapping[str, Any]
) -> Pasts:
    """What the runs before this one say of some of its cases.

    Runs that were killed have no outcomes and are left out. A run that was combined counts, and
    its parts do not.

    Args:
        folder: The run's folder, beside those of the other runs.
        records: The run's records.
        wanted: The cases.
        about: The run's manifest.
    """
    own = appearances(records, commit=_commit_of(about))
    now = {key: own[key] for key in wanted if key in own}
    earlier: dict[CaseKey, list[Appearance]] = defaultdict(list)
    places: dict[tuple[str, str, str | None], list[CaseKey]] = defaultdict(list)
    for key in now:
        places[key[:3]].append(key)
    known: set[tuple[str, str, str | None]] = set()
    n_runs = n_unreadable = 0
    for found in _before(folder, about) if now else ():
        if found is None:
            n_unreadable += 1
            continue
        commit, suites = found
        asked = [(suites[place], keys) for place, keys in places.items() if place in suites]
        known |= places.keys() & suites.keys()
        for cases, keys in asked:
            for key in keys:
                line = cases.get(key[3])
                if line is not None:
                    earlier[key].append(_appearance(line, commit))
        n_runs += bool(asked)
        if n_runs == _N_EARLIER:
            break
    by_case = {
        key: _past(item, earlier.get(key, ()), is_known=key[:3] in known)
        for key, item in now.items()
    }
    return Pasts(by_case=by_case, n_unreadable=n_unreadable)


def _past(now: Appearance, newest_first: Iterable[Appearance], *, is_known: bool) -> Past:
    earlier = list(newest_first)[::-1]
    same = tuple(item for item in earlier if item.content_hash == now.content_hash)
    return Past(
        now=now,
        earlier=same,
        has_changed=len(same) < len(earlier),
        is_new=is_known and not earlier,
    )


_Suites = dict[tuple[str, str, str | None], dict[str, str]]


def _before(folder: Path, about: Mapping[str, Any]) -> Iterator[tuple[str | None, _Suites] | None]:
    """The commit and the outcomes of the runs before, newest first; None for a damaged one."""
    parts = set(about.get("combined") or ())
    names = [path.name for path in _folders(folder.parent) if path.name < folder.name]
    for name in names[:_N_LOOKED_AT]:
        if name in parts:
            continue
        try:
            data = (folder.parent / name / _FILE).read_bytes()
        except OSError:
            continue  # it was killed, or is no run at all
        try:
            manifest = _read((folder.parent / name / "run.json").read_bytes())
            parts.update(manifest.get("combined") or ())
            yield _commit_of(manifest), _suites(_read(data))
        except _TROUBLE:
            yield None


def _folders(runs: Path) -> list[Path]:
    """What is in the folder of all runs, newest first; nothing where it can't be looked into."""
    try:
        return sorted(runs.iterdir(), reverse=True)
    except OSError:
        return []


def _read(text: bytes) -> dict[str, Any]:
    """What a JSON file of a run holds.

    Raises:
        ValueError: It is damaged, or of a later version of the format.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format_version") not in range(FORMAT_VERSION + 1):
        raise ValueError("no file of this version")
    return data


def _suites(data: Mapping[str, Any]) -> _Suites:
    suites = {}
    for suite in data["suites"]:
        if not isinstance(suite["cases"], dict):
            raise TypeError("cases")
        suites[suite["suite"], suite["variant"], suite["model"]] = suite["cases"]
    return suites


def _appearance(line: str, commit: str | None) -> Appearance:
    content_hash, _, letters = str(line).partition(" ")
    return Appearance(outcomes=_outcomes(letters), content_hash=content_hash, commit=commit)


@lru_cache(maxsize=256)
def _outcomes(letters: str) -> tuple[Outcome, ...]:
    return tuple(_LETTERS[letter] for letter in letters if letter in _LETTERS)


def _commit_of(manifest: Mapping[str, Any]) -> str | None:
    """The commit that a run was of; None where it may have been of other code."""
    commit = manifest.get("git_commit")
    is_clean = manifest.get("git_is_dirty") is False
    return commit if isinstance(commit, str) and is_clean else None


def read_case(runs: Path, case_id: str, *, n_runs: int) -> tuple[list[CaseRun], int]:
    """The last runs that have a case, the oldest first, and the number of those that are damaged.

    Args:
        runs: The folder of all runs.
        case_id: The case's id.
        n_runs: The most runs that are given.
    """
    found: list[CaseRun] = []
    parts: set[str] = set()
    n_unreadable = 0
    for path in _folders(runs):
        if path.name in parts or not (path / "run.json").is_file():
            continue
        try:
            manifest = _read((path / "run.json").read_bytes())
            parts.update(manifest.get("combined") or ())
            records = tuple(_records(path / "records.jsonl", case_id))
        except _TROUBLE:
            n_unreadable += 1
            continue
        if records:
            found.append(_case_run(path.name, manifest, records))
        if len(found) == n_runs:
            break
    return found[::-1], n_unreadable


def _case_run(run_id: str, manifest: Mapping[str, Any], records: tuple[Record, ...]) -> CaseRun:
    commit, is_dirty = manifest.get("git_commit"), manifest.get("git_is_dirty")
    return CaseRun(
        run_id=run_id,
        commit=commit if isinstance(commit, str) else None,
        is_dirty=is_dirty if isinstance(is_dirty, bool) else None,
        records=records,
    )


def _records(path: Path, case_id: str) -> Iterator[Record]:
    """The records of a case; only the lines that name it are parsed."""
    sign = json.dumps(case_id, ensure_ascii=False).encode("utf-8", "replace")
    if not path.is_file():
        return
    by_item = {}
    with path.open("rb") as lines:
        for line in lines:
            data = _line(line) if sign in line else {}
            if data.get("case_id") == case_id:
                record = Record.from_dict(data)
                by_item[record.nodeid, record.suite, record.variant, record.repeat] = record
    yield from by_item.values()


def _line(line: bytes) -> dict[str, Any]:
    """A line of a journal; nothing for half a line of a process that was killed."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}
