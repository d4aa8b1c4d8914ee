"""Pasts: what became of one case in the runs before this one.

Evidence is a run that asked the same model the same question, with the same expectation. A replayed
answer is that of an earlier run once more, and no evidence; an error is not a wrong answer.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modeleval.core.records import Outcome, Record

__all__ = ["Appearance", "CaseKey", "CaseRun", "Past", "appearances", "case_key"]

CaseKey = tuple[str, str, str | None, str]
"""Suite, variant, model and id of a case: what has to be the same for runs to be of one case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One case in one run.

    Attributes:
        outcomes: What it counted as, each time that it was asked.
        content_hash: Hash of question and expectation.
        commit: The commit that the run was of; None where there were changes that nobody had
            committed, or nothing is known, so that other runs may have been of other code.
    """

    outcomes: tuple[Outcome, ...]
    content_hash: str
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One case over the runs so far, this one last.

    Attributes:
        now: What became of it in this run.
        earlier: The same in the runs before with the same question and expectation, oldest first.
        has_changed: There are runs before that had the case with another content.
        is_new: There are runs before of the same suite and model, and none had this case.
    """

    now: Appearance
    earlier: tuple[Appearance, ...] = ()
    has_changed: bool = False
    is_new: bool = False

    def happened(self, outcome: Outcome) -> list[bool]:
        """In which runs, oldest first, the case had this outcome at least once.

        For ``missed`` only the runs count in which there was an answer to be right or wrong; for
        others all that asked.
        """
        answers = {"passed", "missed"} if outcome in ("passed", "missed") else _ASKED
        return [
            outcome in item.outcomes
            for item in (*self.earlier, self.now)
            if not answers.isdisjoint(item.outcomes)
        ]

    @property
    def n_errored(self) -> int:
        """Earlier runs in which there was no answer at all."""
        return sum(set(item.outcomes) == {"errored"} for item in self.earlier)

    @property
    def is_flaky(self) -> bool:
        """Whether the case passed and missed in one run, or while the code was the same."""
        within = any(set(item.outcomes) >= _BOTH for item in (*self.earlier, self.now))
        return within or self.flaky_commit is not None

    @property
    def flaky_commit(self) -> str | None:
        """The last commit whose runs both passed and missed the case; None where none did."""
        seen: dict[str, set[str]] = defaultdict(set)
        found = None
        for item in (*self.earlier, self.now):
            if item.commit is not None:
                seen[item.commit] |= set(item.outcomes)
                found = item.commit if seen[item.commit] >= _BOTH else found
        return found


_ASKED = {"passed", "missed", "errored", "unscored"}
_BOTH = {"passed", "missed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """One run that has a certain case.

    Attributes:
        run_id: The run.
        commit: The commit that was checked out; None where nothing is known.
        is_dirty: There were changes that were not committed; None where nothing is known.
        records: The case's records, of every suite and model that has it.
    """

    run_id: str
    commit: str | None
    is_dirty: bool | None
    records: tuple[Record, ...]


def case_key(record: Record) -> CaseKey:
    """Which case of which suite and model a record is of."""
    return record.suite, record.variant, record.model, record.case_id


def appearances(
    records: Iterable[Record], *, commit: str | None = None
) -> dict[CaseKey, Appearance]:
    """What became of each case in one run, without those that were skipped or replayed."""
    groups: dict[CaseKey, list[Record]] = defaultdict(list)
    for record in records:
        is_replay = record.measured_in is not None or record.error_kind == "not_replayed"
        if record.outcome != "skipped" and not is_replay:
            groups[case_key(record)].append(record)
    return {key: _appearance(own, commit) for key, own in groups.items()}


def _appearance(records: Sequence[Record], commit: str | None) -> Appearance:
    return Appearance(
        outcomes=tuple(record.outcome for record in records),
        content_hash=records[-1].content_hash,
        commit=commit,
    )
