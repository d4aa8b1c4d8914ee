"""Controllers: the role of the xdist process that runs no items and judges what its workers ran.

It hands each worker its share of the run, tells the workers what they can't see, and turns what
they say, or leave behind when they die, into what the gatekeeper knows of a single process.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.asked import Asked
from pytest_modeleval.core.records import Record
from pytest_modeleval.engine.limits import FIRST_SIZE
from pytest_modeleval.plugin import workers
from pytest_modeleval.plugin.replays import handed_over
from pytest_modeleval.plugin.state import n_workers
from pytest_modeleval.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from pytest_modeleval.plugin.gatekeeper import Gatekeeper
    from pytest_modeleval.plugin.state import Evals

__all__ = ["Controller", "case_of", "share"]


class Controller:
    """Speaks with the workers; see the module.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
        gatekeeper: Keeps the records and judges them.
    """

    def __init__(self, config: pytest.Config, evals: Evals, gatekeeper: Gatekeeper) -> None:
        self.config = config
        self.evals = evals
        self._gatekeeper = gatekeeper
        self._nodes: list[Any] = []
        self._has_lost_workers = False
        self._has_plan = False
        self._functions: dict[str, str] = {}
        self._crashed: list[pytest.TestReport] = []
        self._has_order = False
        self._refusal: str | None = None
        self._stored = handed_over(evals.stored)

    # Hooks, in the order they run.

    def pytest_report_header(self) -> str:
        """Say what will be asked; a controller collects nothing, so it stands in the header."""
        n_controlled, settings = n_workers(self.config), self.evals.settings
        stored = self.evals.stored
        return terminal.header(
            model=" and ".join(settings.models) or None,
            n_cases=None,
            concurrency=max(settings.concurrency, n_controlled),  # each asks at least one
            first=FIRST_SIZE if settings.is_adaptive else None,
            n_workers=n_controlled,
            replayed_from=stored.run_id if stored and stored.is_replay else None,
            kept=f"{len(stored.answers)} answers of run {stored.run_id}" if stored else None,
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand a worker its share of the run."""
        self._gatekeeper.open_run()
        self._nodes.append(node)
        number = node.workerinput["workerid"].removeprefix("gw")
        node.workerinput["model_eval"] = {
            "run_id": self.evals.run_id,
            "folder": str(self.evals.folder),
            "has_baseline": self.evals.has_baseline,
            "stored": self._stored,
            "has_lost_workers": self._has_lost_workers,
            "n_workers": int(node.workerinput["workercount"]),
            "is_replacement": self._has_lost_workers,
            "concurrency": share(
                self.evals.settings.concurrency,
                int(node.workerinput["workercount"]),
                int(number) if number.isdigit() else sys.maxsize,
            ),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note the order of the items, since workers report in any."""
        if not self._has_order:
            self._has_order = bool(ids)
            self._gatekeeper.note_order(ids)

    # Inside the gatekeeper's, which must not judge a run that was refused.
    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Stop the workers of a run that is cut off, and refuse what one of them has refused."""
        try:
            result = yield
        except BaseException:
            self._tell(workers.STOP)
            self._pass_refusal_on()
            raise
        self._pass_refusal_on()
        return result

    # Before the gatekeeper's, since a crash may wait for the plan of the same report.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read the plan that a worker's first record brings, and note the end of a worker."""
        plan = report.__dict__.pop("model_eval_plan", None)
        if plan is not None:
            self._read_plan(plan)
        if report.when == "???":  # type: ignore[comparison-overlap]
            self._keep_crash(report)
        dsession = self.config.pluginmanager.get_plugin("dsession")
        if getattr(dsession, "shouldstop", False):
            self._tell(workers.STOP)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Read what a worker left behind; where it died, the others find its answers on disk."""
        output = getattr(node, "workeroutput", None) or {}
        if workers.PLAN in output:
            self._read_plan(output[workers.PLAN])
        self._refusal = output.get(workers.REFUSAL, self._refusal)
        self.evals.trouble += output.get(workers.TROUBLE, [])
        self.evals.n_strays += output.get(workers.STRAYS, 0)
        self.evals.asked += [Asked(**asked) for asked in output.get(workers.ASKED, [])]
        if node in self._nodes:
            self._nodes.remove(node)
        if error:
            self._has_lost_workers = True
            self._tell(workers.LOST)

    # The rest is how.

    def _tell(self, word: str) -> None:
        """Send the workers a word; one that is gone already does not hear it."""
        for node in self._nodes:
            with suppress(OSError, EOFError, AttributeError):
                node.channel.send((word, {}))

    def _pass_refusal_on(self) -> None:
        """A worker found a setting that can't work: nothing was asked, so nothing is kept."""
        if self._refusal is not None:
            self._gatekeeper.discard()
            raise pytest.UsageError(self._refusal) from None

    def _read_plan(self, plan: dict[str, Any]) -> None:
        """What the workers collected, of which the controller knew nothing."""
        self._functions, self.evals.coverages = workers.read_plan(plan)
        if not self._has_plan:
            self._gatekeeper.add_datasets(plan["datasets"])
        self._has_plan = True
        self._gatekeeper.invalid_reason = None
        crashed, self._crashed = self._crashed, []
        for report in crashed:
            self._keep_crash(report)

    def _keep_crash(self, report: pytest.TestReport) -> None:
        """The worker that ran this item died: the case has no answer."""
        if not self._has_plan:  # it may be a case of ours; the first plan will tell
            self._crashed.append(report)
            reason = "the workers died before one of them had reported a case"
            self._gatekeeper.invalid_reason = reason
            return
        suite = self._functions.get(report.nodeid.partition("[")[0])
        # A case that was reported before its worker died, in a teardown say, stays what it was.
        if suite is None or self._gatekeeper.has_record(report.nodeid):
            return
        own = [coverage.variant for coverage in self.evals.coverages if coverage.suite == suite]
        case_id, variant = case_of(report.nodeid, own)
        record = Record(
            suite=suite,
            variant=variant,
            case_id=case_id,
            nodeid=report.nodeid,
            outcome="errored",
            error_kind="crashed",
            reason=str(report.longrepr),
        )
        self._gatekeeper.keep(self.evals.redactor.json_line(record.to_dict()))


def share(concurrency: int, n_workers: int, index: int) -> int:
    """A worker's share of the calls in flight: they add up, and each has at least one.

    Args:
        concurrency: Calls in flight at once, over all workers.
        n_workers: Number of workers.
        index: The worker's number; one that replaces a lost worker has a higher one.
    """
    each, rest = divmod(concurrency, n_workers)
    return max(each + (1 if index < rest else 0), 1)


def case_of(nodeid: str, variants: Iterable[str]) -> tuple[str, str]:
    """The case's id and the variant that an item is of, as far as its name tells.

    Args:
        nodeid: pytest's name of the item, in which what is not ASCII is escaped.
        variants: The variants of its suite.
    """
    shown = nodeid.partition("[")[2].rpartition("]")[0]
    found = (name for name in variants if name and shown.endswith(f"-{name}"))
    variant = max(found, key=len, default="")
    escaped = shown.removesuffix(f"-{variant}") if variant else shown
    with suppress(UnicodeError):
        escaped = escaped.encode("ascii").decode("unicode_escape")
    return escaped, variant
