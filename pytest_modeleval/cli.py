"""The command ``modeleval``: look at runs, compare them, and put shards together.

Exit status: 0 met, 1 not met, 2 wrong usage or could not be judged.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.comparisons import compare
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage, Judgement, Verdict
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.core.words import counted
from pytest_modeleval.errors import ModelEvalError, UsageError, did_you_mean
from pytest_modeleval.reports import terminal
from pytest_modeleval.reports.compared import compared
from pytest_modeleval.reports.pasts import case_history
from pytest_modeleval.reports.trends import trends
from pytest_modeleval.store.baselines import load_baseline
from pytest_modeleval.store.history import read_history
from pytest_modeleval.store.outcomes import read_case, read_pasts, write_outcomes
from pytest_modeleval.store.runs import Run, StoredRun, find_run, load_run, new_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modeleval.core.records import Record
    from pytest_modeleval.reports.tables import Line

__all__ = ["main"]

_MET, _NOT_MET, _USAGE = 0, 1, 2
_COLORS = {"red": 31, "green": 32, "yellow": 33}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status."""
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
    except ModelEvalError as error:
        print(f"modeleval: {error}", file=sys.stderr)
        return _USAGE
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # Files of runs are checked only as far as their lines; what they hold may be anything.
        print(f"modeleval: what the files hold can't be judged: {error!r}", file=sys.stderr)
        return _USAGE
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _MET
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modeleval", description=__doc__)
    parser.add_argument(
        "--store", type=Path, default=Path(".modeleval"), help="folder of the runs (.modeleval)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("show", help="the numbers, failures and verdict of a run")
    show.add_argument("name", nargs="?", metavar="RUN", help="id or folder; the newest by default")
    show.add_argument("-v", "--verbose", action="store_true", help="every case")
    show.set_defaults(run=_show)

    against = commands.add_parser("compare", help="what changed from one run to another")
    against.add_argument("before", metavar="A", help="id or folder of a run, or a baseline file")
    against.add_argument("after", metavar="B", nargs="?", help="the newest run by default")
    against.add_argument("-v", "--verbose", action="store_true", help="every case")
    against.set_defaults(run=_compare)

    past = commands.add_parser("history", help="how each suite, or one case, went over time")
    past.add_argument("case", nargs="?", metavar="CASE", help="id of a case; suites without it")
    past.add_argument("-n", type=int, default=20, metavar="N", help="runs to show (20)")
    past.set_defaults(run=_history)

    shards = commands.add_parser("combine", help="shards of one run as one run, judged as one")
    shards.add_argument("names", nargs="+", metavar="RUN", help="id or folder of a run")
    shards.set_defaults(run=_combine)
    return parser


def _show(given: argparse.Namespace) -> int:
    run = load_run(find_run(given.store, given.name))
    verdict = _judge(run.records, _coverages([run]), run)
    stored = run.summary.get("verdict")
    if isinstance(stored, dict):
        verdict = _as_it_was(verdict, stored)
    return _print_run(run, verdict, is_verbose=given.verbose)


def _as_it_was(verdict: Verdict, stored: dict[str, Any]) -> Verdict:
    """The verdict with what only the run itself could judge: what changed since its baseline."""
    known = {item.threshold.text for item in verdict.judgements}
    others = [
        Judgement(
            threshold=parse_threshold(item["threshold"]),
            suite=item.get("suite"),
            model=item.get("model"),
            status=item["status"],
            reason=item.get("reason"),
        )
        for item in stored.get("thresholds", ())
        if item["threshold"] not in known
    ]
    judgements = (*verdict.judgements, *others)
    return replace(
        verdict, judgements=judgements, status=stored["status"], reason=stored.get("reason")
    )


def _compare(given: argparse.Namespace) -> int:
    before = load_baseline(
        _path_of(given.store, given.before), shown=given.before, where="modeleval compare"
    )
    folder = find_run(given.store, given.after)
    after = load_baseline(folder, shown=folder.name, where="modeleval compare")
    comparisons = compare(after.cases, before.cases)
    if not comparisons:
        raise UsageError(f"{given.before} and {folder.name} have no suite in common")
    run = load_run(folder)
    verdict = judge(
        run.records,
        _coverages([run]),
        [item for item in _thresholds(run) if item.is_regression],
        max_error_rate=1.0,
        max_unscored_rate=1.0,
        comparisons=comparisons,
    )
    lines = compared(
        comparisons,
        verdict.judgements,
        baseline=f"{before.name}: {after.name}",
        width=_width(),
        is_verbose=given.verbose,
    )
    _print(lines)
    return _status(verdict)


def _history(given: argparse.Namespace) -> int:
    if given.case is not None:
        return _case_history(given)
    lines = read_history(given.store)
    if not lines:
        raise UsageError(
            f"no run in {given.store / 'history.jsonl'}; pytest --model-eval makes one"
        )
    _print(trends(lines, n_runs=max(given.n, 1), width=_width()))
    return _MET


def _case_history(given: argparse.Namespace) -> int:
    runs, n_unreadable = read_case(given.store / "runs", given.case, n_runs=max(given.n, 1))
    if not runs:
        known = [record.case_id for record in load_run(find_run(given.store)).records]
        unread = f" ({counted(n_unreadable, 'run')} can't be read)" if n_unreadable else ""
        raise UsageError(
            f"no run in {given.store / 'runs'} has a case {given.case!r}{unread}"
            f"{did_you_mean(given.case, known)}"
        )
    _print(case_history(runs, n_unreadable=n_unreadable, width=_width()))
    return _MET


def _combine(given: argparse.Namespace) -> int:
    runs = [load_run(find_run(given.store, name)) for name in given.names]
    _check_overlap(runs)
    first = runs[0]
    for other in runs[1:]:
        _check_same(first, other)
    records = [record for run in runs for record in run.records]
    coverages = _coverages(runs)
    verdict = _judge(records, coverages, first)
    combined = _write(given.store, runs, records, coverages, verdict)
    return _print_run(combined, verdict, is_verbose=False)


def _check_overlap(runs: Sequence[StoredRun]) -> None:
    """Refuse shards that hold the same case, which would count twice.

    Raises:
        UsageError: Two do; the message names them.
    """
    seen: dict[tuple[Any, ...], StoredRun] = {}
    for run in runs:
        for record in run.records:
            key = (record.suite, record.variant, record.model, record.case_id, record.repeat)
            other = seen.setdefault(key, run)
            if other is not run:
                raise UsageError(
                    f"{other.folder.name} and {run.folder.name} overlap: both have the case "
                    f"{record.case_id} of {record.suite}"
                )


def _check_same(first: StoredRun, other: StoredRun) -> None:
    """Refuse shards of different runs: of other datasets, thresholds or models.

    Raises:
        UsageError: They differ; the message says in what.
    """
    for name in (
        "datasets",
        "thresholds",
        "models",
        "repeats",
        "gate",
        "max_error_rate",
        "max_unscored_rate",
    ):
        if first.manifest.get(name) != other.manifest.get(name):
            raise UsageError(
                f"{first.folder.name} and {other.folder.name} are no shards of one run: they "
                f"differ in {name}"
            )


def _coverages(runs: Sequence[StoredRun]) -> list[Coverage]:
    """What the runs together were meant to have: of several shards all cases."""
    by_place: dict[tuple[str, str], Coverage] = {}
    for run in runs:
        for data in run.manifest.get("coverages", ()):
            coverage = Coverage.from_dict(data)
            if len(runs) > 1:
                coverage = replace(
                    coverage,
                    n_selected=coverage.n_total,
                    tags={tag: (total, total) for tag, (total, _) in coverage.tags.items()},
                )
            by_place[coverage.suite, coverage.variant] = coverage
    return list(by_place.values())


def _thresholds(run: StoredRun) -> list[Any]:
    return [parse_threshold(line) for line in run.manifest.get("thresholds", ())]


def _judge(records: Iterable[Record], coverages: Sequence[Coverage], run: StoredRun) -> Verdict:
    """The verdict on stored records, by the settings of the run they are of."""
    manifest = run.manifest
    return judge(
        list(records),
        coverages,
        [item for item in _thresholds(run) if not item.is_regression],
        max_error_rate=manifest.get("max_error_rate", 0.0),
        max_unscored_rate=manifest.get("max_unscored_rate", 0.0),
        judge_partial=bool(manifest.get("judge_partial")),
        mode=manifest.get("gate", "point"),
    )


def _write(
    store: Path,
    runs: Sequence[StoredRun],
    records: Sequence[Record],
    coverages: Sequence[Coverage],
    verdict: Verdict,
) -> StoredRun:
    """The combined run on disk, like any other."""
    run_id = new_run_id()
    run = Run(store / "runs" / run_id, Redactor(os.environ))
    manifest = {
        **runs[0].manifest,
        "run_id": run_id,
        "combined": [shard.folder.name for shard in runs],
        "coverages": [coverage.to_dict() for coverage in coverages],
    }
    manifest.pop("resumed_from", None)  # of the first shard alone; the records say it of each
    manifest.pop("replayed_from", None)
    manifest.pop("format_version", None)
    run.create(manifest)
    for name in ("records.jsonl", "predictions.jsonl"):
        with (run.folder / name).open("wb") as whole:
            for shard in runs:
                if (shard.folder / name).is_file():
                    whole.write((shard.folder / name).read_bytes())
    summary = {
        "run_id": run_id,
        "started": manifest.get("started"),
        "combined_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict.to_dict(),
        "suites": [summary.to_dict() for summary in verdict.summaries],
    }
    try:
        run.write_summary(summary)
        write_outcomes(run.folder, records)
    except OSError as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise UsageError(f"{run.folder}: can't be written: {error}") from None
    return StoredRun(folder=run.folder, manifest=manifest, records=tuple(records), summary=summary)


def _print_run(run: StoredRun, verdict: Verdict, *, is_verbose: bool) -> int:
    command = " ".join(run.manifest.get("command", ()))
    print(f"run {run.folder.name}, {run.manifest.get('started', 'n/a')}: pytest {command}")
    if not run.summary:
        print(f"this run was cut off: {counted(len(run.records), 'record')} are on disk")
    failed = terminal.failures_shown(verdict.summaries, verbosity=int(is_verbose))
    pasts = read_pasts(run.folder, run.records, map(case_key, failed), run.manifest)
    shown = terminal.Shown(
        verdict=verdict,
        coverages=_coverages([run]),
        folder=run.folder.as_posix(),
        verbosity=int(is_verbose),
        has_thresholds=bool(verdict.explicit),
        pasts=pasts.by_case,
        n_unreadable=pasts.n_unreadable,
        replayed_from=run.manifest.get("replayed_from"),
        width=_width(),
    )
    _print(terminal.render(shown))
    return _status(verdict)


def _path_of(store: Path, name: str) -> Path:
    """A baseline's file, or the folder of a run."""
    return Path(name) if Path(name).is_file() else find_run(store, name)


def _status(verdict: Verdict) -> int:
    if verdict.status == "not met":
        return _NOT_MET
    return _USAGE if verdict.status == "invalid" else _MET


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def _print(lines: Iterable[Line]) -> None:
    is_colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for line in lines:
        code = _COLORS.get(line.color or "")
        text = f"\x1b[{code}m{line.text}\x1b[0m" if is_colored and code else line.text
        print(text)


if __name__ == "__main__":
    sys.exit(main())
