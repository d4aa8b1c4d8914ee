"""Reports: the files that a session writes at its end, whatever became of the run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.judgements import Verdict
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.models.base import describe
from pytest_modeleval.plugin.baselines import describe as describe_baseline
from pytest_modeleval.plugin.github import append_summary, wants_summary
from pytest_modeleval.plugin.options import place_of
from pytest_modeleval.reports.base import Report
from pytest_modeleval.reports.files import check_suffix, write_report
from pytest_modeleval.store.history import read_history
from pytest_modeleval.store.outcomes import read_pasts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from pytest_modeleval.core.pasts import CaseKey, Past
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.plugin.state import Evals

__all__ = ["check_reports", "write_reports"]


def check_reports(config: pytest.Config, evals: Evals) -> None:
    """Refuse a report that nobody can write before anything is asked.

    Raises:
        UsageError: Its name ends in nothing known.
    """
    for path in evals.settings.reports:
        check_suffix(path, where=place_of(config, "report"))


def write_reports(
    config: pytest.Config,
    evals: Evals,
    records: Sequence[Record],
    *,
    manifest: Mapping[str, Any],
    summary: Mapping[str, Any],
) -> list[str]:
    """Write the reports that are wanted; gives those files that were, as they are shown.

    What goes wrong is added to the session's trouble and changes no verdict.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
        records: The records, in the order of the cases.
        manifest: What ``run.json`` says.
        summary: What ``summary.json`` says.
    """
    written = []
    report = None
    for path in evals.settings.reports:
        try:
            report = report or _report(config, evals, records, manifest, summary)
            write_report(report, _place(config, path))
        except Exception as error:  # noqa: BLE001  (a report must not change a verdict)
            reason = getattr(error, "strerror", None) or describe(error)
            evals.trouble.append(f"{path} was not written: {reason}")
        else:
            written.append(path)
    if wants_summary(evals):
        try:
            append_summary(report or _report(config, evals, records, manifest, summary))
        except Exception as error:  # noqa: BLE001  (nor must that one)
            reason = getattr(error, "strerror", None) or describe(error)
            evals.trouble.append(f"GitHub's summary of the job was not written: {reason}")
    return written


def _report(
    config: pytest.Config,
    evals: Evals,
    records: Sequence[Record],
    manifest: Mapping[str, Any],
    summary: Mapping[str, Any],
) -> Report:
    pasts: Mapping[CaseKey, Past] = {}
    if any(path.lower().endswith(".html") for path in evals.settings.reports):
        pasts = read_pasts(evals.folder, records, map(case_key, records), manifest).by_case
    return Report(
        run_id=evals.run_id,
        verdict=evals.verdict or Verdict(status="invalid", reason="there is no verdict"),
        records=records,
        manifest=evals.redactor.values(dict(manifest)),
        summary=evals.redactor.values(dict(summary)),
        coverages=tuple(evals.coverages),
        baseline=describe_baseline(evals.baseline),
        comparisons=tuple(evals.comparisons or ()),
        history=read_history(evals.folder.parent.parent),
        pasts=pasts,
        folder=_shown(evals.folder, config.rootpath),
        trouble=tuple(map(evals.redactor.text, evals.trouble)),
    )


def _place(config: pytest.Config, path: str) -> Path:
    """Where a report goes.

    On the command line a path begins at the folder that pytest was started in, as that of
    ``--junitxml`` does, in an ini file at rootdir.
    """
    is_option = place_of(config, "report").startswith("-")
    folder = config.invocation_params.dir if is_option else config.rootpath
    return folder / os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111  (as pytest does)


def _shown(folder: Path, root: Path) -> str:
    try:
        return folder.relative_to(root).as_posix()
    except ValueError:
        return str(folder)
