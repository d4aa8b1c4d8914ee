"""The command ``modeleval``: look at runs, compare them, and put shards together.

Exit status: 0 met, 1 not met, 2 wrong usage or could not be judged.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.asked import Asked
from pytest_modeleval.core.comparisons import compare_run
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Judgement, Verdict
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.core.words import counted
from pytest_modeleval.errors import ModelEvalError, UsageError, did_you_mean
from pytest_modeleval.reports import terminal
from pytest_modeleval.reports.base import Report
from pytest_modeleval.reports.cases import whole_case
from pytest_modeleval.reports.compared import compared
from pytest_modeleval.reports.files import check_suffix, write_report
from pytest_modeleval.reports.pasts import case_history
from pytest_modeleval.reports.texts import encodable
from pytest_modeleval.reports.trends import trends
from pytest_modeleval.store.baselines import load_baseline
from pytest_modeleval.store.history import append_history, read_history, usual_numbers
from pytest_modeleval.store.journals import join_journals
from pytest_modeleval.store.outcomes import read_case, read_pasts, write_outcomes
from pytest_modeleval.store.runs import Run, StoredRun, find_run, load_run, new_run_id
from pytest_modeleval.store.shards import (
    check_shards,
    combined_numbers,
    combined_preflight,
    coverages_of,
    lacks,
    missing_items,
    records_in_order,
    why_unfinished,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import Coverage
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.reports.tables import Line
    from pytest_modeleval.store.baselines import Baseline

__all__ = ["main"]

_MET, _NOT_MET, _USAGE = 0, 1, 2
_STORE = ".modeleval"
_COLORS = {"red": 31, "green": 32, "yellow": 33}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status."""
    given = _parser().parse_args(arguments)
    was_collecting = gc.isenabled()
    gc.disable()  # what a command reads it keeps to its end; a quarter of its CPU is looking for more
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
    finally:
        if was_collecting:
            gc.enable()
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modeleval", description=__doc__)
    parser.add_argument(
        "--store", type=Path, default=Path(_STORE), help="folder of the runs (.modeleval)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("show", help="the numbers, failures and verdict of a run")
    show.add_argument("name", nargs="?", metavar="RUN", help="id or folder; the newest by default")
    show.add_argument("-v", "--verbose", action="store_true", help="every case")
    show.add_argument("--case", metavar="ID", help="all that is known of one case, texts in full")
    show.set_defaults(run=_show)

    report = commands.add_parser("report", help="a run as a file to read (exits 0 once written)")
    report.add_argument(
        "name", nargs="?", metavar="RUN", help="id or folder; the newest by default"
    )
    report.add_argument(
        "-o",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help="the file, in the format that its name ends in: report.html, .md, .json or .csv; repeat for several",
    )
    report.add_argument(
        "--baseline", metavar="A", help="id or folder of a run, or a baseline file, to compare with"
    )
    report.set_defaults(run=_report)

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
    shards.add_argument(
        "--baseline", metavar="RUN|FILE", help="compare with this (default: what the runs did)"
    )
    shards.add_argument("-v", "--verbose", action="store_true", help="every case")
    shards.set_defaults(run=_combine)

    schema = commands.add_parser("schema", help="the JSON Schema of *.eval.yaml, for editors")
    schema.add_argument("--path", action="store_true", help="say where it is, don't print it")
    schema.set_defaults(run=_schema)
    return parser


def _schema(given: argparse.Namespace) -> int:
    schema = Path(__file__).with_name("suites") / "suite.schema.json"
    print(schema if given.path else schema.read_text("utf-8"), end="\n" if given.path else "")
    return _MET


def _show(given: argparse.Namespace) -> int:
    run = load_run(find_run(given.store, given.name))
    if given.case is not None:
        return _show_case(run, given.case)
    return _print_run(run, _verdict(run), is_verbose=given.verbose)


def _show_case(run: StoredRun, case_id: str) -> int:
    records = [record for record in run.records if record.case_id == case_id]
    if not records:
        hint = did_you_mean(case_id, dict.fromkeys(record.case_id for record in run.records))
        raise UsageError(f"run {run.folder.name} has no case {case_id!r}{hint}")
    for record in records:
        _print(whole_case(record))
    return _MET


def _report(given: argparse.Namespace) -> int:
    for file in given.files:
        check_suffix(file, where="-o")
    run = load_run(find_run(given.store, given.name))
    baseline, comparisons, trouble = _compared_with(given, run)
    report = Report(
        run_id=run.folder.name,
        verdict=_verdict(run),
        records=run.records,
        manifest=run.manifest,
        summary=run.summary,
        coverages=coverages_of([run]),
        baseline=baseline,
        comparisons=comparisons,
        history=_history_until(run),
        pasts=read_pasts(run.folder, run.records, map(case_key, run.records), run.manifest).by_case,
        folder=run.folder.as_posix(),
        trouble=trouble,
    )
    for file in given.files:
        try:
            write_report(report, Path(file))
        except OSError as error:
            raise UsageError(f"{file} can't be written: {error.strerror or error}") from None
        print(f"report: {file}")
    return _MET


def _compared_with(
    given: argparse.Namespace, run: StoredRun
) -> tuple[str | None, list[Comparison], list[str]]:
    """The baseline as it is shown, what changed since, and what a reader has to know of that."""
    trouble = [] if run.summary else ["this run was cut off; what is on disk is shown"]
    name = given.baseline or run.summary.get("baseline")
    if name is None:
        return None, [], trouble
    try:
        before = load_baseline(_path_of(given.store, name), shown=name, where="modeleval report")
    except UsageError:
        if given.baseline:
            raise
        return (
            None,
            [],
            [*trouble, f"the baseline {name} isn't there any more: nothing is compared"],
        )
    then = run.summary.get("baseline_run")
    if not given.baseline and then != before.run_id:
        lost = f"the baseline {name} is another one by now: nothing is compared"
        return None, [], [*trouble, lost]
    return before.name, compare_run(run.records, coverages_of([run]), before.cases), trouble


def _history_until(run: StoredRun) -> list[dict[str, Any]]:
    """The history as it was when the run ended."""
    lines = read_history(run.folder.parent.parent)
    ids = [line.get("run_id") for line in lines]
    return lines[: ids.index(run.folder.name) + 1] if run.folder.name in ids else []


def _verdict(run: StoredRun) -> Verdict:
    """The verdict of a run as it was, with the numbers that it was given on."""
    verdict = _judge(run.records, coverages_of([run]), run)
    stored = run.summary.get("verdict")
    if not isinstance(stored, dict) or verdict.reason is not None:
        return verdict
    return _as_it_was(verdict, stored)


def _as_it_was(verdict: Verdict, stored: dict[str, Any]) -> Verdict:
    """The verdict with what only the run itself could judge: what changed since its baseline."""
    own = [item for item in verdict.judgements if not item.threshold.is_regression]
    known = {item.threshold.text for item in own}
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
    judgements = (*own, *others)
    return replace(
        verdict, judgements=judgements, status=stored["status"], reason=stored.get("reason")
    )


def _compare(given: argparse.Namespace) -> int:
    before = load_baseline(
        _path_of(given.store, given.before), shown=given.before, where="modeleval compare"
    )
    run = load_run(find_run(given.store, given.after))
    comparisons = compare_run(run.records, coverages_of([run]), before.cases)
    if not comparisons:
        raise UsageError(f"{given.before} and {run.folder.name} have no suite in common")
    coverages = [
        replace(item, thresholds=tuple(own for own in item.thresholds if own.is_regression))
        for item in coverages_of([run])
    ]
    verdict = judge(
        run.records,
        coverages,
        [item for item in _thresholds(run) if item.is_regression],
        judge_partial=bool(run.manifest.get("judge_partial")),
        max_error_rate=1.0,
        max_unscored_rate=1.0,
        comparisons=comparisons,
    )
    lines = compared(
        comparisons,
        verdict.judgements,
        baseline=f"{before.name}: {run.folder.name}",
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
    check_shards(runs)
    coverages = coverages_of(runs)
    records = records_in_order(runs, coverages)
    trouble = list(lacks(runs, coverages))
    baseline = _baseline_of(given, runs, coverages)
    comparisons = None
    if baseline is not None:
        comparisons = compare_run(records, coverages, baseline.cases)
    verdict = _judge(records, coverages, *runs, comparisons=comparisons)
    if trouble:  # of a single shard too, which by itself is a part that was asked for
        verdict = replace(verdict, status="invalid", reason=verdict.reason or trouble[0])
    numbers = combined_numbers(runs)
    if numbers["n_failed_tests"]:
        trouble.append(f"{counted(numbers['n_failed_tests'], 'test')} failed in these runs")
    status = _status(verdict) or (_NOT_MET if numbers["n_failed_tests"] else _MET)
    summary = {
        **numbers,
        "n_records": len(records),
        "exit_status": int(status != _MET),  # pytest's own, for which invalid is a failure
        "verdict": verdict.to_dict(),
        "suites": [summary.to_dict() for summary in verdict.summaries],
        "baseline": baseline.name if baseline else None,
        "baseline_run": baseline.run_id if baseline else None,
        "comparisons": [comparison.to_dict() for comparison in comparisons or ()],
    }
    combined = _write(given.store, runs, records, coverages, summary)
    _note_history(given.store, combined, verdict, trouble)
    _print_run(
        combined,
        verdict,
        is_verbose=given.verbose,
        baseline=baseline.name if baseline else None,
        comparisons=comparisons or (),
        trouble=trouble,
    )
    return status


def _baseline_of(
    given: argparse.Namespace, runs: Sequence[StoredRun], coverages: Sequence[Coverage]
) -> Baseline | None:
    """What shards are compared with: what the user names, or what each of them was compared with.

    Raises:
        UsageError: They were compared with different ones, or with one that is not here while a
            threshold on a regression needs it.
    """
    names = {run.summary["baseline"] for run in runs if run.summary.get("baseline")}
    if given.baseline is None and len(names) > 1:
        raise UsageError(
            f"these runs were compared with different baselines ({', '.join(sorted(names))}); "
            "name one with --baseline"
        )
    name = given.baseline or next(iter(names), None)
    if name is None:
        return None
    path = Path(name)
    if not path.exists() and given.baseline is None:
        own = [item for coverage in coverages for item in coverage.thresholds]
        if not any(item.is_regression for item in [*_thresholds(runs[0]), *own]):
            return None
        raise UsageError(
            f"these runs were compared with {name}, which is not here; name it with --baseline"
        )
    if not path.exists():
        path = find_run(given.store, name)
    return load_baseline(path, shown=name, where="modeleval combine")


def _thresholds(run: StoredRun) -> list[Any]:
    return [parse_threshold(line) for line in run.manifest.get("thresholds", ())]


def _judge(
    records: Iterable[Record],
    coverages: Sequence[Coverage],
    *runs: StoredRun,
    comparisons: Sequence[Comparison] | None = None,
) -> Verdict:
    """The verdict on stored records, by the settings of the run, or the shards, they are of."""
    manifest = runs[0].manifest
    is_one = len(runs) == 1
    preflight = combined_preflight(runs)
    if preflight is not None and preflight.failure is not None:
        return Verdict(status="invalid", reason=preflight.failure)
    verdict = judge(
        list(records),
        coverages,
        [item for item in _thresholds(runs[0]) if not (is_one and item.is_regression)],
        max_error_rate=manifest.get("max_error_rate", 0.0),
        max_unscored_rate=manifest.get("max_unscored_rate", 0.0),
        judge_partial=bool(manifest.get("judge_partial")),
        comparisons=comparisons,
        mode=manifest.get("gate", "point"),
        n_strays=sum(run.summary.get("n_strays", 0) for run in runs),
    )
    reason = next(filter(None, map(why_unfinished, runs)), None)
    return verdict if reason is None else replace(verdict, status="invalid", reason=reason)


def _write(
    store: Path,
    runs: Sequence[StoredRun],
    records: Sequence[Record],
    coverages: Sequence[Coverage],
    summary: dict[str, Any],
) -> StoredRun:
    """The combined run on disk, like any other."""
    run_id = new_run_id()
    run = Run(store / "runs" / run_id, Redactor(os.environ))
    manifest = {
        **runs[0].manifest,
        "run_id": run_id,
        "started": summary["started"],
        "combined": [shard.folder.name for shard in runs],
        "datasets": {
            name: digest
            for shard in runs
            for name, digest in shard.manifest.get("datasets", {}).items()
        },
        "coverages": [coverage.to_dict() for coverage in coverages],
        "left_out": missing_items(runs),
    }
    manifest.pop("resumed_from", None)  # of the first shard alone; the records say it of each
    manifest.pop("replayed_from", None)
    manifest.pop("format_version", None)
    summary = {"run_id": run_id, **summary}
    run.create(manifest)
    try:
        for name in ("records.jsonl", "predictions.jsonl"):
            join_journals([shard.folder / name for shard in runs], run.folder / name)
        run.write_summary(summary)
        write_outcomes(run.folder, records)
    except OSError as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise UsageError(f"{run.folder}: can't be written: {error}") from None
    return StoredRun(folder=run.folder, manifest=manifest, records=tuple(records), summary=summary)


def _note_history(store: Path, run: StoredRun, verdict: Verdict, trouble: list[str]) -> None:
    """A line in the history, as any run has."""
    line = {
        "run_id": run.folder.name,
        "started": run.summary["started"],
        "git_commit": run.manifest.get("git_commit"),
        "git_is_dirty": run.manifest.get("git_is_dirty"),
        "verdict": verdict.status,
        "exit_status": run.summary["exit_status"],
        "is_whole": not trouble,
        "suites": usual_numbers(verdict.summaries),
    }
    error = append_history(store, Redactor(os.environ).values(line))
    if error is not None:
        trouble.append(f"history.jsonl was not written: {error}")


def _print_run(
    run: StoredRun,
    verdict: Verdict,
    *,
    is_verbose: bool,
    baseline: str | None = None,
    comparisons: Sequence[Comparison] = (),
    trouble: Sequence[str] = (),
) -> int:
    parts = run.manifest.get("combined")
    store = run.folder.parent.parent
    named = [] if store == Path(_STORE) else ["--store", store.as_posix()]
    made = f"{counted(len(parts), 'run')} combined" if parts else ""
    command = made or "pytest " + " ".join(run.manifest.get("command", ()))
    title = f"run {run.folder.name}, {run.manifest.get('started', 'n/a')}: {command}"
    print(encodable(title, sys.stdout.encoding))
    if not run.summary:
        print(f"this run was cut off: {counted(len(run.records), 'record')} are on disk")
    failed = terminal.failures_shown(verdict.summaries, verbosity=int(is_verbose))
    pasts = read_pasts(run.folder, run.records, map(case_key, failed), run.manifest)
    shown = terminal.Shown(
        verdict=verdict,
        coverages=coverages_of([run]),
        folder=run.folder.as_posix(),
        verbosity=int(is_verbose),
        has_thresholds=bool(verdict.explicit),
        pasts=pasts.by_case,
        n_unreadable=pasts.n_unreadable,
        replayed_from=run.manifest.get("replayed_from"),
        asked=[Asked(**asked) for asked in run.summary.get("asked", ())],
        baseline=baseline,
        comparisons=comparisons,
        trouble=trouble,
        width=_width(),
        preflight=combined_preflight([run]),
        has_failed=bool(run.summary.get("n_failed_tests")),
        is_cut_off=not run.summary,
        run_id=None if parts else run.folder.name,
        arguments=run.manifest.get("command", ()),
        show=["modeleval", *named, "show", run.folder.name],
        encoding=sys.stdout.encoding or "utf-8",
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
        text = encodable(line.text, sys.stdout.encoding)
        print(f"\x1b[{code}m{text}\x1b[0m" if is_colored and code else text)


if __name__ == "__main__":
    sys.exit(main())
