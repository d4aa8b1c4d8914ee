"""Baselines: the run that others are measured against, as one file meant for git.

The first line says which run it was; then a line for each case, sorted, so that a new baseline is a
diff that can be read.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.comparisons import CaseNumbers, numbers_of
from pytest_modeleval.core.records import FORMAT_VERSION
from pytest_modeleval.errors import Unscored, UsageError
from pytest_modeleval.store.runs import load_run
from pytest_modeleval.store.shards import why_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_modeleval.core.redaction import Redactor

__all__ = ["Answers", "Baseline", "load_baseline", "save_baseline"]

_KIND = "pytest-modeleval baseline"
_SAVES = "--model-eval-save-baseline keeps the answers of a run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A run to compare with.

    Attributes:
        name: How it is called: the file's path, or the run's id.
        cases: The numbers of its cases.
        run_id: The run it was made of.
        saved: When that run began, or None where unknown.
        git_commit: The commit that was checked out, or None.
        replayed_from: The run that its answers, latencies and costs are of, where it only judged
            them again; None where it asked itself.
    """

    name: str
    cases: tuple[CaseNumbers, ...]
    run_id: str | None = None
    saved: datetime | None = None
    git_commit: str | None = None
    replayed_from: str | None = None


class Answers:
    """The answers of a baseline, to compare others with.

    Args:
        baseline: The baseline; None where there is none.
    """

    def __init__(self, baseline: Baseline | None) -> None:
        self._baseline = baseline
        self._cases: dict[tuple[str, str, str], dict[str | None, CaseNumbers]] = {}
        for item in baseline.cases if baseline else ():
            key = (item.suite, item.variant, item.case_id)
            self._cases.setdefault(key, {})[item.model] = item

    def of(self, suite: str, variant: str, case_id: str, *, model: str, content_hash: str) -> str:
        """The baseline's answer to a case: the same model's, or that of the only other one.

        Raises:
            Unscored: It has none.
        """
        if self._baseline is None:
            raise Unscored(f"there is no baseline to compare with; {_SAVES}")
        found = self._cases.get((suite, variant, case_id), {})
        item = found.get(model) or (next(iter(found.values())) if len(found) == 1 else None)
        if item is None:
            raise Unscored(f"{self._baseline.name} does not have this case; {_SAVES}")
        if item.content_hash and item.content_hash != content_hash:
            raise Unscored(f"the case is another than in {self._baseline.name}; {_SAVES}")
        if item.answer is None:
            raise Unscored(f"{self._baseline.name} has no whole answer to this case; {_SAVES}")
        return item.answer


def save_baseline(
    path: Path, cases: Sequence[CaseNumbers], about: Mapping[str, Any], *, redactor: Redactor
) -> None:
    """Write a baseline, whole or not at all.

    Args:
        path: The file.
        cases: The numbers of its cases, sorted.
        about: Which run it is: ``run_id``, ``started``, ``git_commit``, and where it has answers
            of another one ``replayed_from`` or ``resumed_from``.
        redactor: Takes secrets out of the answers.

    Raises:
        UsageError: It can't be written.
    """
    head = {"format_version": FORMAT_VERSION, "kind": _KIND, "n_cases": len(cases), **about}
    lines = [json.dumps(head, ensure_ascii=False)]
    lines += [redactor.json_line(case.to_dict()) for case in cases]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"baseline {path}: can't be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def load_baseline(path: Path, *, shown: str, where: str) -> Baseline:
    """The baseline in a file, or in the folder of a run.

    Args:
        path: The file or folder.
        shown: How the user calls it.
        where: Where the user named it; messages begin with it.

    Raises:
        UsageError: There is none, or it can't be read.
    """
    if path.is_dir():
        return _of_run(path, shown, where)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # answers hold other line ends
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{where}: no baseline {shown!r}: {reason}") from None
    head = _parse(lines[0] if lines else "", f"{where}: {shown}:1")
    if head.get("kind") != _KIND:
        raise UsageError(
            f"{where}: {shown}:1: this is no baseline; write one with --model-eval-save-baseline"
        )
    _check_version(head, f"{where}: {shown}")
    cases = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        place = f"{where}: {shown}:{number}"
        data = _parse(line, place)
        cases.append(_case(data, place))
    _check_unique(cases, f"{where}: {shown}")
    _check_count(head.get("n_cases"), len(cases), f"{where}: {shown}")
    return Baseline(
        name=shown,
        cases=tuple(cases),
        run_id=head.get("run_id"),
        saved=_moment(head.get("started")),
        git_commit=_text(head.get("git_commit")),
        replayed_from=_text(head.get("replayed_from")),
    )


_AMOUNTS = ("pass_rate", "score", "latency_s", "cost_usd")
_TEXTS = (
    *("suite", "case_id", "variant", "model", "content_hash", "output", "answer", "outcome"),
    "cluster",
)


def _case(data: Mapping[str, Any], place: str) -> CaseNumbers:
    """The numbers of one line, each of its kind.

    Raises:
        UsageError: A field is missing, or is not what it should be.
    """
    if not data.get("suite") or not data.get("case_id"):
        raise UsageError(f"{place}: a case needs suite and case_id")
    for name in _TEXTS:
        if not isinstance(data.get(name, ""), str):
            raise UsageError(f"{place}: {name} is text, not {data[name]!r}")
    for name in _AMOUNTS:
        value = data.get(name, 0)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value < math.inf:
            raise UsageError(f"{place}: {name} is a number of at least 0, not {value!r}")
        if name in ("pass_rate", "score") and value > 1:
            raise UsageError(f"{place}: {name} is between 0 and 1, not {value!r}")
    return CaseNumbers.from_dict(data)


def _check_count(n_then: Any, n_now: int, place: str) -> None:
    """Refuse a baseline that lost lines: the cases of those would not be compared with anything.

    Raises:
        UsageError: It has not as many as it was written with.
    """
    if n_then is not None and n_then != n_now:
        raise UsageError(
            f"{place}: it says that it has {n_then} cases, and has {n_now}; take it from version "
            "control again, or write it anew with --model-eval-save-baseline"
        )


def _check_unique(cases: Sequence[CaseNumbers], place: str) -> None:
    """Refuse a case that stands there twice, as a bad merge leaves it.

    Raises:
        UsageError: One does.
    """
    seen = set()
    for case in cases:
        key = (case.place, case.case_id)
        if key in seen:
            raise UsageError(f"{place}: the case {case.case_id} of {case.suite} stands there twice")
        seen.add(key)


def _of_run(folder: Path, shown: str, where: str) -> Baseline:
    if not (folder / "records.jsonl").is_file():
        raise UsageError(f"{where}: no baseline {shown!r}: the folder holds no records.jsonl")
    try:
        run = load_run(folder)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    if (why := why_unfinished(run)) is not None:
        raise UsageError(f"{where}: no baseline {shown!r}: {why}")
    return Baseline(
        name=shown,
        cases=tuple(numbers_of(run.records, has_answers=True)),
        run_id=folder.name,
        saved=_moment(run.manifest.get("started")),
        git_commit=_text(run.manifest.get("git_commit")),
        replayed_from=_text(run.manifest.get("replayed_from")),
    )


def _parse(line: str, place: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise UsageError(f"{place}: the line is damaged; it holds no JSON object")
    return data


def _check_version(head: Mapping[str, Any], place: str) -> None:
    version = head.get("format_version")
    if type(version) is not int or version > FORMAT_VERSION:
        raise UsageError(
            f"{place}: format_version {version} is of a later pytest-modeleval (this one reads up "
            f"to {FORMAT_VERSION}); update it"
        )


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
