"""What a report is made of: one frozen object, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage, Verdict
    from pytest_modeleval.core.pasts import CaseKey, Past
    from pytest_modeleval.core.records import Record

__all__ = ["Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One finished run, with all that a report may say of it; secrets are taken out already.

    Attributes:
        run_id: The run.
        verdict: The verdict, with the summaries it was judged on.
        records: Every record, in the order of the cases.
        manifest: What ``run.json`` says.
        summary: What ``summary.json`` says.
        coverages: How much of each suite was meant to run.
        baseline: What the run is compared with, as it is shown; None for nothing.
        comparisons: What changed since then.
        history: The lines of the history up to this run, the oldest first.
        pasts: What earlier runs say of its cases, where that was read.
        folder: Folder of the run, as it is shown.
        trouble: Sentences on what a reader has to know of the report itself.
    """

    run_id: str
    verdict: Verdict
    records: Sequence[Record]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    coverages: Sequence[Coverage] = ()
    baseline: str | None = None
    comparisons: Sequence[Comparison] = ()
    history: Sequence[Mapping[str, Any]] = ()
    pasts: Mapping[CaseKey, Past] = field(default_factory=dict)
    folder: str = ""
    trouble: Sequence[str] = ()
