"""Gatekeeper: the role of the process that judges the run, single or an xdist controller.

Each record is on disk before anything else reads it. The gate is computed once, after the last
item and before every later hook, and everything that is shown or written reads that verdict.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.gates import Verdict, judge
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.summaries import usual_metrics
from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin import workers
from pytest_modeleval.plugin.collect import datasets_of
from pytest_modeleval.plugin.fixtures import RUNNER_NAME
from pytest_modeleval.plugin.state import EVAL_ITEM, Evals, is_cut_short, n_workers
from pytest_modeleval.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path
    from typing import NoReturn

    from pytest_modeleval.plugin.runner import Runner

__all__ = ["Gatekeeper", "LastFailed"]


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
        self._records: dict[str, Record] = {}
        self._soft: set[str] = set()
        self._datasets: dict[str, str] = {}
        self._functions: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._has_plan = False
        self._crashed: list[pytest.TestReport] = []
        self._nodes: list[Any] = []
        self._has_lost_workers = False
        self._pid = os.getpid()
        self._has_folder = False
        self._is_cut_short = False
        self._has_broken_files = False
        self._refusal: str | None = None
        self._started = datetime.now(UTC)

    # Before the items run.

    def pytest_report_header(self) -> str | None:
        """Under xdist the controller collects nothing, so the line stands in the header."""
        n_controlled = n_workers(self.config)
        if not n_controlled:
            return None
        return terminal.header(
            model=self.evals.settings.model,
            n_cases=None,
            concurrency=max(
                self.evals.settings.concurrency, n_controlled
            ),  # each asks at least one
            n_workers=n_controlled,
        )

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Say what will be asked of which model, how many at once."""
        from pytest_modeleval.plugin.headers import header_lines

        runner: Runner | None = self.config.pluginmanager.get_plugin(RUNNER_NAME)
        own = [item for item in items if EVAL_ITEM in item.stash]
        is_quiet = self.config.get_verbosity() < 0
        return header_lines(own, runner) if own and runner is not None and not is_quiet else []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand a worker its share of the run."""
        self._open_run()
        self._nodes.append(node)
        number = node.workerinput["workerid"].removeprefix("gw")
        node.workerinput["model_eval"] = {
            "run_id": self.evals.run_id,
            "folder": str(self.evals.folder),
            "has_lost_workers": self._has_lost_workers,
            "concurrency": workers.share(
                self.evals.settings.concurrency,
                int(node.workerinput["workercount"]),
                int(number) if number.isdigit() else sys.maxsize,
            ),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note the order of the items, since workers report in any."""
        if not self._order:
            self._order = {nodeid: index for index, nodeid in enumerate(ids)}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file could not be collected, be it here or in a worker."""
        self._has_broken_files = self._has_broken_files or report.failed

    # While they run.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge the run after its last item; a run cut off is judged when the session ends."""
        items = getattr(session, "items", ())  # the controller of xdist has none
        self._is_cut_short = is_cut_short(session)
        if any(EVAL_ITEM in item.stash for item in items) and not self._is_cut_short:
            self._datasets = datasets_of(self.evals.suites.values())
            self._open_run()
        try:
            result = yield
        except BaseException:
            workers.tell(self._nodes, workers.STOP)
            if self._refusal is not None:
                self._refuse()
            raise
        if self._refusal is not None:
            self._refuse()
        if self._has_broken_files and not self.evals.coverages:  # the workers had nothing of ours
            self._is_cut_short = True
            self._discard()
        verdict = self._judge()
        if verdict.fails and session.testscollected:
            session.testsfailed += 1
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record that a report carries."""
        line = report.__dict__.pop("model_eval", None)
        plan = report.__dict__.pop("model_eval_plan", None)
        if plan is not None:
            self._read_plan(plan)
        if line is not None:
            if report.outcome != "rerun":  # type: ignore[comparison-overlap]
                self._keep(line)
                self._note_soft(report)
        elif report.when == "???":  # type: ignore[comparison-overlap]
            self._keep_crash(report)
        dsession = self.config.pluginmanager.get_plugin("dsession")
        if getattr(dsession, "shouldstop", False):
            workers.tell(self._nodes, workers.STOP)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Read what a worker left behind; where it died, the others find its answers on disk."""
        output = getattr(node, "workeroutput", None) or {}
        if workers.PLAN in output:
            self._read_plan(output[workers.PLAN])
        self._refusal = output.get(workers.REFUSAL, self._refusal)
        self.evals.trouble += output.get(workers.TROUBLE, [])
        if node in self._nodes:
            self._nodes.remove(node)
        if error:
            self._has_lost_workers = True
            workers.tell(self._nodes, workers.LOST)

    # After they ran.

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int | pytest.ExitCode) -> None:
        """Write the numbers down, before JUnit writes its file."""
        if int(exitstatus) == pytest.ExitCode.USAGE_ERROR or os.getpid() != self._pid:
            return  # nothing was asked; or a test has forked and lets its child go on
        verdict = self.evals.verdict or self._judge()
        if self._is_cut_short:
            reason = "collection failed, so nothing was asked"
            verdict = self.evals.verdict = Verdict(status="invalid", reason=reason)
        if not self._has_folder:
            return
        self._add_junit_properties(verdict)
        try:
            self._run.write_summary(
                {
                    "run_id": self.evals.run_id,
                    "started": self._started.isoformat(timespec="seconds"),
                    "seconds": (datetime.now(UTC) - self._started).total_seconds(),
                    "exit_status": int(exitstatus),
                    "concurrency": self.evals.settings.concurrency,
                    "verdict": verdict.to_dict(),
                    "suites": [summary.to_dict() for summary in verdict.summaries],
                }
            )
        except OSError as error:
            self.evals.trouble.append(f"summary.json was not written: {error}")
        journal = self._run.records
        if journal.trouble is not None:
            lost = f"{journal.n_lost} of {len(self._records)} records"
            self.evals.trouble.append(f"{lost} are not on disk: {journal.trouble}")
        self._run.close()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the section."""
        verdict = self.evals.verdict
        if verdict is None or not (self._records or self.evals.coverages or verdict.reason):
            return
        terminal.write(
            terminalreporter,
            terminal.Shown(
                verdict=verdict,
                coverages=tuple(self.evals.coverages),
                folder=self._shown_folder(),
                trouble=tuple(self.evals.trouble),
                verbosity=self.config.get_verbosity(),
                width=getattr(getattr(terminalreporter, "_tw", None), "fullwidth", 80),
                has_thresholds=bool(verdict.explicit) or bool(self.evals.settings.thresholds),
            ),
        )

    @property
    def missed(self) -> list[str]:
        """Node ids of the cases that were not passed, though pytest does not know."""
        return sorted(self._soft)

    # The rest is how.

    def _open_run(self) -> None:
        if self._has_folder:
            return
        try:
            self._run.create(self._manifest())
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self._has_folder = True

    def _manifest(self) -> dict[str, Any]:
        """What was run, under which limits, of which version of what."""
        settings = self.evals.settings
        return {
            "run_id": self.evals.run_id,
            "started": self._started.isoformat(timespec="seconds"),
            "command": [str(word) for word in self.config.invocation_params.args],
            "model": settings.model,
            "thresholds": [threshold.text for threshold in settings.thresholds],
            "concurrency": settings.concurrency,
            "timeout_s": settings.timeout_s,
            "retries": settings.retries,
            "max_error_rate": settings.max_error_rate,
            "max_unscored_rate": settings.max_unscored_rate,
            "prices": {name: asdict(price) for name, price in settings.prices.items()},
            "datasets": self._datasets,
            "git_commit": _git_commit(self.config.rootpath),
            "versions": {
                "python": platform.python_version(),
                "pytest": pytest.__version__,
                "pytest-modeleval": version("pytest-modeleval"),
            },
        }

    def _refuse(self) -> NoReturn:
        """A worker found a setting that can't work: nothing was asked, so nothing is kept."""
        self._discard()
        raise pytest.UsageError(str(self._refusal)) from None

    def _discard(self) -> None:
        self._run.discard()
        self._has_folder = False

    def _judge(self) -> Verdict:
        settings = self.evals.settings
        if self._crashed:  # no worker lived long enough to say what there is
            reason = "the workers died before one of them had reported a case"
            self.evals.verdict = Verdict(status="invalid", reason=reason)
            return self.evals.verdict
        self.evals.verdict = judge(
            sorted(self._records.values(), key=lambda record: self._order.get(record.nodeid, -1)),
            self.evals.coverages,
            settings.thresholds,
            max_error_rate=settings.max_error_rate,
            max_unscored_rate=settings.max_unscored_rate,
            judge_partial=bool(self.config.getoption("--model-eval-judge-partial")),
        )
        return self.evals.verdict

    def _keep(self, line: str) -> None:
        """Write a record down as it came, then take it in."""
        if os.getpid() != self._pid:
            return
        self._run.records.append(line)
        record = Record.from_dict(json.loads(line))
        self._records[record.nodeid] = record

    def _note_soft(self, report: pytest.TestReport) -> None:
        """Remember a case that pytest takes for an expected failure, and that ours is not."""
        outcome = str(getattr(report, "model_eval_outcome", ""))
        if str(getattr(report, "wasxfail", "")).startswith(f"{outcome}: "):
            self._soft.add(report.nodeid)
        else:
            self._soft.discard(report.nodeid)

    def _keep_crash(self, report: pytest.TestReport) -> None:
        """The worker that ran this item died: the case has no answer."""
        if not self._has_plan:  # it may be a case of ours; the first plan will tell
            self._crashed.append(report)
            return
        suite = self._functions.get(report.nodeid.partition("[")[0])
        # A case that was reported before its worker died, in a teardown say, stays what it was.
        if suite is not None and report.nodeid not in self._records:
            own = [coverage.variant for coverage in self.evals.coverages if coverage.suite == suite]
            case_id, variant = workers.case_of(report.nodeid, own)
            record = Record(
                suite=suite,
                variant=variant,
                case_id=case_id,
                nodeid=report.nodeid,
                outcome="errored",
                error_kind="crashed",
                reason=str(report.longrepr),
            )
            self._keep(self.evals.redactor.json_line(record.to_dict()))

    def _read_plan(self, plan: dict[str, Any]) -> None:
        if not self._has_plan:  # the controller reads no dataset; the manifest waits for it
            self._datasets = plan["datasets"]
            try:
                self._run.create(self._manifest())
            except UsageError as error:  # too late to refuse: there are answers by now
                self.evals.trouble.append(str(error))
        self._functions, self.evals.coverages = workers.read_plan(plan)
        self._has_plan = True
        crashed, self._crashed = self._crashed, []
        for report in crashed:
            self._keep_crash(report)

    def _add_junit_properties(self, verdict: Verdict) -> None:
        """The run's numbers as properties of the test suite; the schema allows them there."""
        try:
            from _pytest.junitxml import xml_key

            xml = self.config.stash.get(xml_key, None)
        except ImportError:
            return
        if xml is None:
            return
        xml.add_global_property("model_eval.verdict", verdict.status)
        xml.add_global_property("model_eval.run", self.evals.run_id)
        for summary in verdict.summaries:
            for name in usual_metrics("junit"):
                value = summary.metric(name).value
                if value is not None:
                    label = f"model_eval.{summary.title}.{name}"
                    xml.add_global_property(self.evals.redactor.text(label), f"{value:.9g}")

    def _shown_folder(self) -> str | None:
        if not self._has_folder:
            return None
        try:
            return self.evals.folder.relative_to(self.config.rootpath).as_posix()
        except ValueError:
            return str(self.evals.folder)


class LastFailed:
    """Adds the missed cases to what ``--lf`` runs again, after pytest's own plugin wrote its list.

    A class of its own since one object has one implementation of a hook.

    Args:
        config: For pytest's cache.
        gatekeeper: Knows the missed cases.
    """

    def __init__(self, config: pytest.Config, gatekeeper: Gatekeeper) -> None:
        self.config = config
        self._gatekeeper = gatekeeper

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Add them."""
        cache = getattr(self.config, "cache", None)  # absent under -p no:cacheprovider
        missed = self._gatekeeper.missed
        if cache is None or not missed:
            return
        failed = cache.get("cache/lastfailed", {})
        failed.update(dict.fromkeys(missed, True))
        cache.set("cache/lastfailed", failed)


def _git_commit(folder: Path) -> str | None:
    """The commit that is checked out, or None where git does not know one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  (whichever git the user has)
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
