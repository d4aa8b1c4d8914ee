"""Controllers: the role of the xdist process that runs no items and judges what its workers ran.

It hands each worker its share of the run, tells the workers what they can't see, and turns what
they say, or leave behind when they die, into what the gatekeeper knows of a single process.

A worker may be on another machine, reached over one of execnet's gateways: it shares no file with
this process, its files may not be the same, and it may be gone for good.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.core.asked import Asked
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.preflights import Preflight
from pytest_modeleval.core.records import Record
from pytest_modeleval.engine.limits import FIRST_SIZE
from pytest_modeleval.plugin import outcomes, workers
from pytest_modeleval.plugin.baselines import answers_to_hand_down
from pytest_modeleval.plugin.preflights import SharedTrial
from pytest_modeleval.plugin.replays import handed_over
from pytest_modeleval.plugin.state import n_workers
from pytest_modeleval.reports import terminal
from pytest_modeleval.store.shards import name_of_item

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import NoReturn

    from pytest_modeleval.plugin.gatekeeper import Gatekeeper
    from pytest_modeleval.plugin.state import Evals

__all__ = ["Controller", "case_of", "send_if_alive", "share"]

_ADDED_TO_SPECS = "execmodel=main_thread_only//"  # by xdist

_SILENCE_S = 30
"""Seconds that the other end of a socket may say nothing at all before it counts as lost."""


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
        self._specs: Sequence[Any] = ()
        self._nodes: list[Any] = []
        self._has_lost_workers = False
        self._stored = handed_over(evals.stored)
        self._plans: dict[str, dict[str, Any]] = {}
        self._plan: dict[str, Any] | None = None
        self._planner = ""
        self._trial = SharedTrial()
        self._answers = answers_to_hand_down(evals.baseline)

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
    def pytest_xdist_setupnodes(self, specs: Sequence[Any]) -> None:
        """Note the workers that are wanted, and refuse a server for which xdist would wait forever."""
        self._specs = specs
        servers = [spec.socket for spec in specs if spec.socket]
        if twice := [server for server in servers if servers.count(server) > 1]:
            self._refuse(
                f"--tx socket={twice[0]} stands there twice, and a socket server runs one worker; "
                "start a server for each"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Say in a sentence which worker can't be reached; xdist ends with an internal error."""
        try:
            return (yield)
        except pytest.UsageError:
            raise
        except Exception as error:  # whatever execnet raises of a host that isn't there
            if len(self._nodes) >= len(self._specs):
                raise
            hint = ""
            if "rsync root" in str(error):
                hint = (
                    "; name no paths where workers have folders of their own, since testpaths in "
                    "the ini file says it to all"
                )
            what = str(error) or type(error).__name__
            spec = str(self._specs[len(self._nodes)]).removeprefix(_ADDED_TO_SPECS)
            self._refuse(f"--tx {spec}: {what}{hint}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_newgateway(self, gateway: Any) -> None:
        """Have the system notice when a machine goes without a word; it would never, or in hours."""
        own = getattr(getattr(gateway, "_io", None), "sock", None)
        if not isinstance(own, socket.socket):
            return
        wanted = {
            "TCP_KEEPIDLE": _SILENCE_S // 3,
            "TCP_KEEPINTVL": _SILENCE_S // 6,
            "TCP_KEEPCNT": 4,
            "TCP_USER_TIMEOUT": _SILENCE_S * 1000,
        }
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted.items():
            if hasattr(socket, name):  # which of them there are depends on the system
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand a worker its share of the run, and a channel for what it has to say."""
        self._gatekeeper.open_run()
        self._nodes.append(node)
        node.sendcommand = partial(send_if_alive, node.sendcommand)
        number = node.workerinput["workerid"].removeprefix("gw")
        spec, cache = node.gateway.spec, getattr(self.config, "cache", None)
        is_elsewhere = spec.chdir or not spec.popen
        channel = node.gateway.newchannel()
        self._trial.add(node.gateway.id, channel)
        channel.setcallback(partial(self._hear, node.gateway.id))
        node.workerinput["model_eval"] = {
            "run_id": self.evals.run_id,
            "settings": workers.pack_settings(self.evals.settings),
            "channel": channel,
            "is_served": bool(spec.socket),
            "has_baseline": self.evals.has_baseline,
            "stored": self._stored,
            "baseline_answers": self._answers,
            "last_failed": cache.get("cache/lastfailed", {}) if cache and is_elsewhere else None,
            "lost_answers": self._lost_answers() if self._has_lost_workers else [],
            "n_workers": int(node.workerinput["workercount"]),
            "is_replacement": self._has_lost_workers,
            "concurrency": share(
                self.evals.settings.concurrency,
                int(node.workerinput["workercount"]),
                int(number) if number.isdigit() else sys.maxsize,
            ),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Read what a worker has collected, of which the controller knows nothing."""
        plan = self._plans.pop(node.gateway.id, None)
        if plan is None:
            return
        if plan["refusal"] is not None:
            self._refuse(plan["refusal"])
        if self._plan is None:
            self._plan, self._planner = plan, _name(node)
            self._gatekeeper.note_order(ids)
            self.evals.coverages = [Coverage.from_dict(data) for data in plan["coverages"]]
            self.evals.left_out = plan["left_out"]
            self._gatekeeper.add_datasets(plan["datasets"])
        elif difference := workers.difference(self._plan, plan):
            names = " and ".join(sorted((self._planner, _name(node))))
            self._refuse(f"{names} differ in {difference}; give each a copy of the same files")

    # Inside the gatekeeper's, which must not judge a run that was refused.
    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Stop the workers of a run that is cut off, and go on without those that are lost."""
        self._go_on_without_lost_hosts()
        try:
            return (yield)
        except RuntimeError:
            if self._nodes or not self._has_lost_workers:
                raise
            self.evals.trouble.append("no worker is left, so the run ends here")
            return True
        except BaseException:
            self._tell(workers.STOP)
            raise

    # Before the gatekeeper's, which writes the record down.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take out what is a secret only here, and note the end of a worker."""
        if hasattr(report, "model_eval"):
            line: str = report.model_eval
            report.model_eval = self.evals.redactor.line(line)  # type: ignore[attr-defined]
            outcomes.redact(report, self.evals.redactor)
        if report.when == "???":  # type: ignore[comparison-overlap]
            self._keep_crash(report)
        dsession = self.config.pluginmanager.get_plugin("dsession")
        if getattr(dsession, "shouldstop", False):
            self._tell(workers.STOP)

    # Before xdist's own, which prints the traceback of a worker that could not start.
    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Read what a worker left behind; where it died, the others get the answers it had."""
        output = getattr(node, "workeroutput", None) or {}
        self.evals.trouble += output.get(workers.TROUBLE, [])
        self.evals.n_strays += output.get(workers.STRAYS, 0)
        self.evals.asked += [Asked(**asked) for asked in output.get(workers.ASKED, [])]
        self._trial.lose(node.gateway.id)
        if node in self._nodes:
            self._nodes.remove(node)
        if error and self._plan is None and not _has_started(node):
            # xdist would start it again and again, without a word on why it does not.
            self._refuse(f"{_name(node)} can't start: {_why(error)}")
        if error:
            self._has_lost_workers = True
            self._tell(workers.LOST, answers=self._lost_answers())

    # The rest is how.

    def _hear(self, worker: str, message: tuple[str, Any]) -> None:
        """Take in what a worker says, on the thread that receives it and before its reports."""
        word, content = message
        if word == workers.ANSWERS:
            self._gatekeeper.keep_answers(content)
        elif word == workers.PREFLIGHT:
            self._trial.hear(worker, content)
            if content is not None:
                found = self.evals.redactor.values(json.loads(content))
                self.evals.preflight = Preflight.from_dict(found)
        else:
            self._plans[worker] = json.loads(content)

    def _tell(self, word: str, **content: object) -> None:
        """Send the workers a word; one that is gone already does not hear it."""
        for node in self._nodes:
            with suppress(OSError, EOFError, AttributeError):
                node.channel.send((word, content))

    def _refuse(self, message: str) -> NoReturn:
        """End the run with a usage error; where nothing was asked, nothing is kept."""
        self._gatekeeper.discard()
        raise pytest.UsageError(clean_text(message)) from None

    def _go_on_without_lost_hosts(self) -> None:
        """Have xdist leave the rest to the other workers where one can't be started again.

        It would end with an internal error, and has no hook for that.
        """
        dsession: Any = self.config.pluginmanager.get_plugin("dsession")
        clone = getattr(dsession, "_clone_node", None)
        if clone is None:
            return

        def clone_or_go_on(node: Any) -> Any:
            reason, n_nodes = "it never started", len(self._nodes)
            if _has_started(node):
                try:
                    return clone(node)
                except Exception as error:  # noqa: BLE001  (whatever execnet raises of a lost host)
                    reason = str(error) or type(error).__name__
                    del self._nodes[n_nodes:]
            lost = f"{_name(node)} is lost and can't be started again ({reason})"
            if not dsession.sched.collection_is_completed:  # it would be waited for
                self._refuse(f"{lost}; nothing was asked")
            self.evals.trouble.append(f"{lost}; its cases are left to the other workers")
            return None

        dsession._clone_node = clone_or_go_on  # noqa: SLF001

    def _lost_answers(self) -> list[str]:
        """The answers that are on disk and that no record has made use of."""
        return [json.dumps(line) for line in self._gatekeeper.unused_answers()]

    def _keep_crash(self, report: pytest.TestReport) -> None:
        """The worker that ran this item died: the case has no answer."""
        functions = self._plan["functions"] if self._plan else {}
        function, file = (report.nodeid.partition(end)[0] for end in ("[", "::"))
        suite = functions.get(function, functions.get(file))
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


def send_if_alive(send: Callable[..., None], name: str, **content: object) -> None:
    """Send a worker a command of xdist's, in vain where it has just died.

    xdist would end with an internal error; what the worker was to run is given to the others as
    soon as it is known to be down.
    """
    with suppress(OSError):
        send(name, **content)


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
        nodeid: pytest's name of the item, in which it escapes what is not ASCII of a parameter.
        variants: The variants of its suite.
    """
    shown = name_of_item(nodeid)
    if not nodeid.partition("::")[0].endswith(".py"):
        return shown, ""
    found = (name for name in variants if name and shown.endswith(f"-{name}"))
    variant = max(found, key=len, default="")
    escaped = shown.removesuffix(f"-{variant}") if variant else shown
    with suppress(UnicodeError):
        escaped = escaped.encode("ascii").decode("unicode_escape")
    return escaped, variant


def _has_started(node: Any) -> bool:
    """Whether the worker has got as far as a session of pytest."""
    return hasattr(node, "workerinfo")


def _name(node: Any) -> str:
    """``gw1 (socket=10.0.0.7:8888)``: a worker as it is shown."""
    spec = node.gateway.spec
    kind = next((name for name in ("ssh", "socket", "via") if getattr(spec, name)), None)
    places = [f"{kind}={getattr(spec, kind)}"] if kind else []
    places += [f"chdir={spec.chdir}"] if spec.chdir else []
    return f"worker {node.gateway.id}" + (f" ({' '.join(places)})" if places else "")


def _why(error: object) -> str:
    """Why a worker did not start: what pytest said there, or else its last words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line.partition("error: ")[2] for line in lines if "error: " in line]
    why = said[0] if said else lines[-1].rpartition("UsageError: ")[2]
    return f"{why}; is pytest-modeleval installed there?" if "--model-eval" in why else why
