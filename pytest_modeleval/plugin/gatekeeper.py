"""Gatekeeper: the role of the process that judges the run, single or an xdist controller.

Each record is on disk before anything else reads it. The gate is computed once, after the last
item and before every later hook, and everything that is shown or written reads that verdict.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.asked import merge_asked
from pytest_modeleval.core.comparisons import compare_run
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Verdict, is_whole_selection
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.records import Record
from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin import baselines
from pytest_modeleval.plugin.collect import datasets_of
from pytest_modeleval.plugin.extensions import Listeners
from pytest_modeleval.plugin.github import Annotator
from pytest_modeleval.plugin.hookspecs import FinishedRun
from pytest_modeleval.plugin.junit import add_verdict, properties_as_text
from pytest_modeleval.plugin.manifests import (
    checkout,
    earlier_run,
    history_line,
    manifest,
    run_summary,
)
from pytest_modeleval.plugin.reports import write_reports
from pytest_modeleval.plugin.state import EVAL_ITEM, Evals, is_cut_short
from pytest_modeleval.reports import terminal
from pytest_modeleval.store.history import append_history
from pytest_modeleval.store.journals import read_lines
from pytest_modeleval.store.outcomes import Pasts, read_pasts, write_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

__all__ = ["Gatekeeper"]


class Gatekeeper:
    """Collects records, judges the run and says so; see the module.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
    """

    def __init__(self, config: pytest.Config, evals: Evals) -> None:
        self.config = config
        self.evals = evals
        self._run = evals.open_run()
        self._started = datetime.now(UTC)
        self._pid = os.getpid()
        self._records: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._soft: set[str] = set()
        self._datasets: dict[str, str] = {}
        self._code: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._has_folder = False
        self._n_failed: int | None = None
        self._exit_status: int | None = None
        self._has_broken_files = False
        self._is_cut_short = False
        self._saved: str | None = None
        self._reports: list[str] = []
        self._listeners = Listeners(config, evals.trouble)
        self._annotator = Annotator(config, evals)

    # Hooks, in the order they run.

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file could not be collected, be it here or in a worker."""
        self._has_broken_files = self._has_broken_files or report.failed

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge the run after its last item; a run cut off is judged when the session ends."""
        items = getattr(session, "items", ())  # the controller of xdist has none
        self._is_cut_short = is_cut_short(session)
        if any(EVAL_ITEM in item.stash for item in items) and not self._is_cut_short:
            self._datasets = datasets_of(self.evals.suites.values())
            self.open_run()
        result = yield
        if self._has_broken_files and not self.evals.coverages:  # the workers had nothing of ours
            self._is_cut_short = True
            self.discard()
        verdict = self._judge()
        if self._has_broken_files and not verdict.fails:
            reason = "a file could not be collected, so that a suite may be missing"
            verdict = self.evals.verdict = replace(verdict, status="invalid", reason=reason)
        self._n_failed = session.testsfailed
        if verdict.fails and session.testscollected:
            session.testsfailed += 1
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record that a report carries."""
        line = report.__dict__.pop("model_eval", None)
        record = report.__dict__.pop("model_eval_record", None)
        if line is not None and report.outcome != "rerun":  # type: ignore[comparison-overlap]
            record = self.keep(line, record)
            self._note_soft(report)
            if record is not None:
                self._annotator.note(record, report.location)
        if self.evals.settings.junit == "system-out":
            properties_as_text(self.config, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int | pytest.ExitCode
    ) -> None:
        """Write the numbers down, before JUnit writes its file."""
        if int(exitstatus) == pytest.ExitCode.USAGE_ERROR or os.getpid() != self._pid:
            return  # nothing was asked; or a test has forked and lets its child go on
        self._exit_status = int(exitstatus)
        verdict = self.evals.verdict or self._judge()
        if self._is_cut_short:
            reason = "collection failed, so nothing was asked"
            verdict = self.evals.verdict = Verdict(status="invalid", reason=reason)
        add_verdict(self.config, self.evals, verdict, earlier_run(self.evals))
        if not self._has_folder:
            if self.evals.settings.reports:
                self.evals.trouble.append("no report was written, since nothing was asked")
            return
        n_failed = session.testsfailed if self._n_failed is None else self._n_failed
        summary = run_summary(
            self.evals,
            verdict,
            started=self._started,
            ended=datetime.now(UTC),
            exit_status=int(exitstatus),
            n_failed=n_failed,
            n_records=len(self._records),
        )
        self._write("summary.json", lambda: self._run.write_summary(summary))
        self._write("outcomes.json", lambda: write_outcomes(self.evals.folder, self._in_order()))
        self._note_history(verdict, int(exitstatus))
        if baselines.wants_saving(self.config):
            self._saved = self._save_baseline(int(exitstatus))
        self._reports = write_reports(
            self.config,
            self.evals,
            self._in_order(),
            manifest=self._manifest(),
            summary=summary,
        )
        self._close_run()
        self._listeners.tell_finished(
            FinishedRun(
                run_id=self.evals.run_id,
                folder=self.evals.folder,
                records=tuple(self._in_order()),
                summary=self.evals.redactor.values(summary),
                exit_status=int(exitstatus),
            ),
            verdict,
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, object, object]:
        """Print the section after all others, pytest's short summary of failures too."""
        try:
            return (yield)
        finally:
            self._print(terminalreporter)

    def _print(self, terminalreporter: pytest.TerminalReporter) -> None:
        verdict = self.evals.verdict
        if verdict is None or not (self._records or self.evals.coverages or verdict.reason):
            return
        pasts = self._pasts(verdict)
        writer = getattr(terminalreporter, "_tw", None)
        terminal.write(
            terminalreporter,
            terminal.Shown(
                verdict=verdict,
                coverages=tuple(self.evals.coverages),
                folder=self._shown_folder(),
                trouble=tuple(self.evals.trouble),
                verbosity=self.config.get_verbosity(),
                width=getattr(writer, "fullwidth", 80),
                encoding=getattr(getattr(writer, "_file", None), "encoding", None),
                baseline=baselines.describe(self.evals.baseline),
                comparisons=self.evals.comparisons or (),
                preflight=self.evals.preflight,
                can_save=self._can_save(verdict),
                has_failed=bool(self._n_failed),
                run_id=self.evals.run_id if self._has_folder else None,
                program=_program(),
                arguments=[self.evals.redactor.text(word) for word in self._arguments()],
                show=self._show_command(),
                saved=self._saved,
                reports=self._reports,
                pasts=pasts.by_case,
                n_unreadable=pasts.n_unreadable,
                asked=merge_asked(self.evals.asked),
                has_thresholds=bool(verdict.explicit) or bool(self.evals.settings.thresholds),
                replayed_from=self._replayed_from,
            ),
        )

    def pytest_unconfigure(self) -> None:
        """Annotate, now that no line of anybody else's is half written."""
        if os.getpid() == self._pid:
            self._annotator.write()

    # What the other roles ask of it.

    @property
    def missed(self) -> list[str]:
        """Node ids of the cases that were not passed, though pytest does not know."""
        return sorted(self._soft)

    def open_run(self) -> None:
        """Make the run's folder, unless that is done.

        Raises:
            pytest.UsageError: It can't be written.
        """
        if self._has_folder:
            return
        try:
            self._write_manifest()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self._has_folder = True

    def add_datasets(self, datasets: dict[str, str]) -> None:
        """Add to the manifest what a controller, which reads no dataset, hears from its workers."""
        self._datasets = datasets
        try:
            self._write_manifest()
        except UsageError as error:  # too late to refuse: there are answers by now
            self.evals.trouble.append(str(error))

    def note_order(self, nodeids: Iterable[str]) -> None:
        """Judge the records in this order, whatever they come in."""
        self._order = {nodeid: index for index, nodeid in enumerate(nodeids)}

    def keep_answers(self, lines: Iterable[str]) -> None:
        """Write answers of a worker down, on whichever thread they come."""
        with self._lock:
            self._run.predictions.append(*map(self.evals.redactor.line, lines))

    def unused_answers(self) -> Iterator[dict[str, Any]]:
        """The lines on disk of answers to items of which there is no record."""
        recorded = {
            (item.suite, item.variant, item.case_id, item.repeat, item.model)
            for item in self._records.values()
        }
        for line in read_lines(self._run.predictions.path):
            names = ("suite", "case_id", "asked_model")
            suite, case_id, model = (line.get(name) for name in names)
            key = (suite, line.get("variant", ""), case_id, line.get("repeat", 0), model)
            if key not in recorded and "call" not in line:
                yield line

    def keep(self, line: str, record: Record | None = None) -> Record | None:
        """Write a record down as it came, then take it in; None in a test's own child.

        Args:
            line: The record as a line.
            record: What the line says, where that is known.
        """
        if os.getpid() != self._pid:
            return None
        self._run.records.append(line)
        record = record or Record.from_dict(json.loads(line))
        self._records[record.nodeid] = record
        self._listeners.tell_record(record)
        return record

    def has_record(self, nodeid: str) -> bool:
        """Whether there is a record of that item."""
        return nodeid in self._records

    def discard(self) -> None:
        """Take the folder of a run away that asked nothing."""
        self._run.discard()
        self._has_folder = False

    # The rest is how.

    def _judge(self) -> Verdict:
        settings = self.evals.settings
        tried = self.evals.preflight
        if tried is not None and tried.failure is not None:
            self.evals.verdict = Verdict(status="invalid", reason=tried.failure)
            return self.evals.verdict
        records = self._in_order()
        coverages = self.evals.coverages
        if self.evals.baseline is not None:
            self.evals.comparisons = compare_run(records, coverages, self.evals.baseline.cases)
        self.evals.verdict = judge(
            records,
            coverages,
            settings.thresholds,
            max_error_rate=settings.max_error_rate,
            max_unscored_rate=settings.max_unscored_rate,
            judge_partial=bool(self.config.getoption("--model-eval-judge-partial")),
            comparisons=self.evals.comparisons,
            mode=settings.gate,
            n_strays=self.evals.n_strays,
        )
        return self.evals.verdict

    def _in_order(self) -> list[Record]:
        """The records in the order of their items."""
        return sorted(self._records.values(), key=lambda record: self._order.get(record.nodeid, -1))

    def _note_history(self, verdict: Verdict, exit_status: int) -> None:
        line = history_line(
            self.evals,
            verdict,
            started=self._started,
            exit_status=exit_status,
            code=self._code,
        )
        store = self.evals.folder.parent.parent
        trouble = append_history(store, self.evals.redactor.values(line))
        if trouble is not None:
            self.evals.trouble.append(f"history.jsonl was not written: {trouble}")

    def _write_manifest(self) -> None:
        self._code = self._code or checkout(self.config.rootpath)
        stored = self.evals.stored
        is_new = stored is not None and not self._has_folder
        answers = stored.answers if stored is not None and is_new else None
        self._run.create(self._manifest(), answers)

    def _manifest(self) -> dict[str, Any]:
        return manifest(
            self.config,
            self.evals,
            started=self._started,
            datasets=self._datasets,
            code=self._code,
        )

    def _pasts(self, verdict: Verdict) -> Pasts:
        """The pasts of the cases that are shown because they were not passed."""
        shown = terminal.failures_shown(verdict.summaries, verbosity=self.config.get_verbosity())
        if not (shown and self._has_folder):
            return Pasts()
        return read_pasts(self.evals.folder, self._in_order(), map(case_key, shown), self._code)

    def _note_soft(self, report: pytest.TestReport) -> None:
        """Remember a case that pytest takes for an expected failure, and that ours is not."""
        outcome = str(getattr(report, "model_eval_outcome", ""))
        if str(getattr(report, "wasxfail", "")).startswith(f"{outcome}: "):
            self._soft.add(report.nodeid)
        else:
            self._soft.discard(report.nodeid)

    def _write(self, name: str, write: Callable[[], None]) -> None:
        """Write a file of the run; trouble with the disk changes no verdict."""
        try:
            write()
        except OSError as error:
            self.evals.trouble.append(f"{name} was not written: {error}")

    def _save_baseline(self, exit_status: int) -> str:
        """Make this run the baseline; gives what became of it."""
        names = ("run_id", "started", "git_commit", "replayed_from", "resumed_from")
        about = {name: value for name, value in self._manifest().items() if name in names}
        return baselines.save(
            self.config, self.evals, self._in_order(), about, exit_status=exit_status
        )

    def _close_run(self) -> None:
        """Close the journals, and say what of them is not on disk."""
        for journal, what in (
            (self._run.records, f"of {len(self._records)} records"),
            (self._run.predictions, "predictions of workers"),
        ):
            if journal.trouble is not None:
                lost = f"{journal.n_lost} {what}"
                self.evals.trouble.append(f"{lost} are not on disk: {journal.trouble}")
        self._run.close()

    def _can_save(self, verdict: Verdict) -> bool:
        is_whole = is_whole_selection(self.evals.coverages)
        is_met = verdict.status == "met" and self._exit_status == 0
        return self.evals.baseline is None and self._saved is None and is_met and is_whole

    def _arguments(self) -> list[str]:
        return [str(word) for word in self.config.invocation_params.args]

    def _show_command(self) -> list[str]:
        """``modeleval show``, with the store where that is not the usual one from here."""
        store, here = self.evals.folder.parent.parent, self.config.invocation_params.dir
        shown = Path(os.path.relpath(store, here)).as_posix()
        return ["modeleval", *([] if shown == ".modeleval" else ["--store", shown]), "show"]

    @property
    def _replayed_from(self) -> str | None:
        stored = self.evals.stored
        return stored.run_id if stored is not None and stored.is_replay else None

    def _shown_folder(self) -> str | None:
        if not self._has_folder:
            return None
        try:
            return self.evals.folder.relative_to(self.config.rootpath).as_posix()
        except ValueError:
            return str(self.evals.folder)


def _program() -> list[str]:
    """What pytest was started as: the command, or the module of some Python."""
    is_module = Path(sys.argv[0]).name == "__main__.py"
    return ["python", "-m", "pytest"] if is_module else ["pytest"]
