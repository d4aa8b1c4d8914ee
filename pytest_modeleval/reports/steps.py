"""Steps: the one command that is of use after a run, as the line ``Next:`` says it."""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from pytest_modeleval.core.stats import proportion, smallest_n_with_upper_bound
from pytest_modeleval.core.summaries import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modeleval.core.judgements import Judgement, Verdict
    from pytest_modeleval.core.metrics import Metric
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.reports.terminal import Shown

__all__ = ["again", "command_text", "next_step"]

_ONCE = ("--model-eval-save-baseline", "--model-eval-force-baseline", "--model-eval-plan")
_RUNS = ("--model-eval-replay", "--model-eval-resume")
_STOPS = ("-x", "--exitfirst", "--maxfail", "--sw", "--stepwise")
_SELECTS = ("--lf", "--last-failed", "-k", "-m", "--deselect")
_WITH_VALUE = ("--maxfail", "-k", "-m", "--deselect", "--model-eval-replay")
_MAX_CASES = 100_000  # nobody writes more cases for one threshold


def command_text(words: Iterable[str]) -> str:
    """Words as one line that a shell takes apart into the same words."""
    if sys.platform == "win32":
        return subprocess.list2cmdline(list(words))
    return shlex.join(words)


def again(words: Sequence[str], *more: str, is_whole: bool = False) -> list[str]:
    """The arguments that a run was started with, for another one.

    What was meant for that run alone is left out: making it the baseline, the run that it was made
    of, and where it was to stop.

    Args:
        words: The arguments of pytest.
        more: Arguments to add.
        is_whole: Leave out what selects cases, too.
    """
    left_out = (*_ONCE, *_RUNS, *_STOPS, *(_SELECTS if is_whole else ()))
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        name, is_one_word, _ = word.partition("=")
        if name == "--model-eval-resume" and not is_one_word:
            following = next(rest, None)  # argparse takes it for the run, if it is no option
            found += again([following]) if following and following.startswith("-") else []
        elif name in left_out:
            if name in _WITH_VALUE and not is_one_word:
                next(rest, None)
        elif not (is_whole and ("::" in word or word[:2] in ("-k", "-m"))):
            found.append(word)
    return [*found, *more]


def next_step(shown: Shown) -> str | None:
    """The command, or what to change and the command; None where there is nothing to do."""
    steps = (step for find in _STEPS for step in find(shown))
    text = next(steps, None)
    # A line end inside a word can be shown on no line, so nobody could copy it.
    return text if text is None or text.isprintable() else None


def _mend_judges(shown: Shown) -> Iterator[str]:
    if shown.preflight is not None and shown.preflight.mistakes:
        names = ", ".join(dict.fromkeys(item.scorer for item in shown.preflight.mistakes))
        yield f"mend the rubric or the judge of {names}, then: {_pytest(shown)}"


def _ask_what_is_missing(shown: Shown) -> Iterator[str]:
    """Cases that were not reached, or have no answer."""
    if shown.replayed_from is not None or shown.run_id is None:
        return
    missing = any(str(item.reason).startswith("incomplete: ") for item in shown.verdict.judgements)
    if missing or shown.is_cut_off or any(map(_is_errored, _records(shown))):
        yield _pytest(shown, f"--model-eval-resume={shown.run_id}")


def _price(shown: Shown) -> Iterator[str]:
    """A threshold on money that can't be judged."""
    for item in shown.verdict.judgements:
        line = str(item.reason).partition("add to model_eval_prices: ")[2]
        if item.status == "invalid" and line:
            yield f"look up the price per million tokens, and add: model_eval_prices = {line}"


def _run_all(shown: Shown) -> Iterator[str]:
    """Part of the cases, and thresholds that wait for all."""
    partial = "partial: ", "no case was selected"
    reasons = [shown.verdict.reason, *(item.reason for item in shown.verdict.explicit)]
    if any(str(reason).startswith(partial) for reason in reasons):
        yield _pytest(shown, is_whole=True)


def _look_at_the_worst(shown: Shown) -> Iterator[str]:
    """The case that has most to do with what fails the run."""
    verdict = shown.verdict
    broke = [pair.after.case_id for item in shown.comparisons for pair in item.broke]
    failing = [item for item in verdict.judgements if item.status in ("not met", "invalid")]
    yield from (_show(shown, case_id) for case_id in broke[:1])
    if not (failing or shown.has_failed) and shown.has_thresholds:
        return
    for item in failing:
        if item.metric is not None and _is_unproven(item):
            yield from _cases_text(_cases_to_decide(item), item)
        yield from (_show(shown, record.case_id) for record in _worst(item, verdict))
    failed = [record for record in _records(shown) if record.outcome in ("missed", "unscored")]
    yield from (_show(shown, record.case_id) for record in failed[:1])


def _worst(item: Judgement, verdict: Verdict) -> list[Record]:
    """The slowest case where a latency is judged, the dearest where a cost is."""
    if item.metric is None or item.status != "not met" or item.threshold.operator == ">=":
        return []
    name = {"seconds": "latency_s", "dollars": "cost_usd"}.get(item.metric.unit)
    own = [
        record
        for summary in verdict.summaries
        if item.suite is None or (summary.title, summary.model) == (item.suite, item.model)
        for record in summary.records
        if name is not None and getattr(record, name) is not None
    ]
    return [max(own, key=lambda record: getattr(record, str(name)))] if own else []


def _set_a_threshold(shown: Shown) -> Iterator[str]:
    """A bound that this run is sure to keep, where there is none."""
    if shown.has_thresholds or shown.verdict.explicit or shown.replayed_from is not None:
        return
    for summary in shown.verdict.summaries[:1]:
        low = summary.metric("accuracy").low
        if low is not None and low >= 0.01:
            bound = f"accuracy >= {math.floor(low * 100)}%"
            yield f"add to the ini file: model_eval_thresholds = {bound}"


def _save_baseline(shown: Shown) -> Iterator[str]:
    if not shown.can_save:
        return
    answered = [record for record in _records(shown) if record.outcome != "skipped"]
    is_kept = sum(asked.n_attempts for asked in shown.asked) >= len(answered)
    if shown.replayed_from or not (is_kept and shown.run_id and answered):
        run = [f"--model-eval-replay={shown.replayed_from}"] if shown.replayed_from else []
    else:  # its answers are on disk, and paid for
        run = [f"--model-eval-replay={shown.run_id}"]
    yield _pytest(shown, *run, "--model-eval-save-baseline")


def _add_cases(shown: Shown) -> Iterator[str]:
    """How many cases would decide what these can't."""
    for item in shown.verdict.explicit:
        if item.status == "inconclusive":
            needed = [
                comparison.cases_needed or 0
                for comparison in shown.comparisons
                if (comparison.title, comparison.model) == (item.suite, item.model)
                and item.threshold.metric == "accuracy"
            ]
            yield from _cases_text(max(needed, default=0), item)
        elif item.is_uncertain:
            yield from _cases_text(_cases_to_decide(item), item)


def _cases_text(n: int, item: Judgement) -> Iterator[str]:
    have = item.metric.n if item.metric else 0
    if have < n <= _MAX_CASES:
        of = f" instead of {have}" if have else ""
        yield f"add cases: about {_round(n)}{of} would decide {item.threshold.text}"


def _is_unproven(item: Judgement) -> bool:
    """Not met for want of cases, though the number itself is on the right side."""
    value = item.metric.value if item.metric else None
    return item.status == "not met" and value is not None and item.threshold.is_met_by(value)


def _cases_to_decide(item: Judgement) -> int:
    """Cases with which the interval would leave out the bound, were the number the same; 0 for none."""
    metric, bound = item.metric, item.threshold.bound
    if metric is None or metric.value is None or metric.value == bound:
        return 0
    if _is_proportion(metric):
        return _cases_of_rate(metric.value, bound, metric.n)
    end = metric.high if bound > metric.value else metric.low
    percent = item.threshold.metric[1:3]
    if item.threshold.metric.startswith("p") and percent.isdigit():
        return smallest_n_with_upper_bound(int(percent)) if end is None else 0
    if end is None:
        return 0
    return math.ceil(metric.n * ((end - metric.value) / (bound - metric.value)) ** 2)


def _is_proportion(metric: Metric) -> bool:
    """Whether it is the share of independent cases, by its interval."""
    if metric.unit != "rate" or metric.value is None:
        return False
    found = proportion(round(metric.value * metric.n), metric.n)
    return found is not None and (found.low, found.high) == (metric.low, metric.high)


def _cases_of_rate(rate: float, bound: float, n: int) -> int:
    """The same of a rate, by trying: its interval is no multiple of anything."""
    for _ in range(200):
        found = proportion(round(rate * n), n)
        if found is None or n > _MAX_CASES:
            return 0
        if bound < (found.low or 0.0) or bound > (found.high if found.high is not None else 1.0):
            return n
        n = math.ceil(n * 1.05)
    return 0


_STEPS = (
    _mend_judges,
    _ask_what_is_missing,
    _price,
    _run_all,
    _look_at_the_worst,
    _set_a_threshold,
    _save_baseline,
    _add_cases,
)
"""From what has to be done first to what may be done."""


def _pytest(shown: Shown, *more: str, is_whole: bool = False) -> str:
    return command_text([*shown.program, *again(shown.arguments, *more, is_whole=is_whole)])


def _show(shown: Shown, case_id: str) -> str:
    return command_text([*shown.show, "--case", case_id])


def _records(shown: Shown) -> list[Record]:
    return records_of(shown.verdict.summaries)


def _is_errored(record: Record) -> bool:
    return record.outcome == "errored"


def _round(n: int) -> str:
    """A number of cases to two digits: it is an estimate."""
    return f"{float(f'{n:.2g}'):,.0f}" if n >= 100 else str(n)
