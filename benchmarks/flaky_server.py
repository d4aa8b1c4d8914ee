"""A flaky server: of 1,000 prompts 5 % get a 429 first, 2 % a 500, 1 % a closed connection.

A second run has one more case, the last, whose prompt is never answered; an attempt may take 3 s.

Bars:
    No case is lost, and none is answered twice (the script ends where it is otherwise).
    The latency of a case that was asked more than once is that of its good attempt: as a median
    at most 1.25 times that of the other cases, the largest less than the shortest back-off over it.
    The prompt that is never answered ends as errored, and its run at most 0.5 s after its time-out.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial

import measure
from served import Contest

BAR = 1.25
BACK_OFF_S = 0.375  # 0.5 s, less the jitter
TIMEOUT_S = 3.0
LATE_BAR_S = 0.5
RATES = {"rate_429_once": 0.05, "rate_500_once": 0.02, "rate_reset_once": 0.01}
LATENCY_S = 0.1


def check_hung(record: dict) -> None:
    """Exit where the case that is never answered is anything but timed out."""
    if record["outcome"] != "errored" or record.get("n_attempts") != 1:
        sys.exit(f"the prompt without an answer ended as {record}")
    if not TIMEOUT_S <= record["latency_s"] < TIMEOUT_S + 1:
        sys.exit(f"the time-out is recorded as {record['latency_s']} s")


def answered_s(record: dict) -> float:
    """When a case was answered, in seconds since it was planned."""
    return record["queue_s"] + record["total_s"]


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--transport", default="auto")
    given = parser.parse_args()
    n_cases, runs = (200, 1) if given.quick else (given.cases, given.runs)
    server = {"latency_s": LATENCY_S, **RATES}
    contests = {
        "flaky": Contest(n_cases=n_cases, server=server),
        "flaky, one hangs": Contest(n_cases=n_cases, server=server, more=("[[hang]] Well?",)),
    }
    settings = {"timeout": f"{TIMEOUT_S:g}s", "transport": given.transport}
    rows = {row: partial(contest.run_plugin, row, **settings) for row, contest in contests.items()}

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, {LATENCY_S} s each, adaptive")
    measure.show(costs, reference="flaky")
    usual, retried, worst = [], [], []
    for run in contests["flaky"].runs["flaky"]:
        again = [one["latency_s"] for one in run.records if one["n_attempts"] > 1]
        once = [one["latency_s"] for one in run.records if one["n_attempts"] == 1]
        usual.append(statistics.median(once))
        retried.append(statistics.median(again) / usual[-1])
        worst.append(max(again) - usual[-1])
        totals = [one["total_s"] for one in run.records if one["n_attempts"] > 1]
        if min(totals) < BACK_OFF_S:
            sys.exit(f"a retried case has a total of {min(totals)} s")
    n_retried = len(again)
    # What a run needs before its first case and after its last answer is the same in both.
    pairs = zip(
        contests["flaky, one hangs"].runs["flaky, one hangs"],
        contests["flaky"].runs["flaky"],
        strict=True,
    )
    late_s = []
    for run, other in pairs:
        check_hung(run.records[-1])
        usual_s = other.summary["seconds"] - max(map(answered_s, other.records))
        late_s.append(run.summary["seconds"] - run.records[-1]["queue_s"] - TIMEOUT_S - usual_s)
    print(f"{n_retried} cases were asked again, the others took {usual[-1] * 1000:.0f} ms")
    print("no case was lost, none was answered twice; the prompt without an answer timed out")
    bars = measure.Bars(quick=given.quick)
    bars.check("latency of retried cases, times the others'", statistics.median(retried), BAR, "x")
    bars.check(
        "largest latency of a retried case, over the others' median", max(worst), BACK_OFF_S, " s"
    )
    bars.check("end of the run after the time-out", statistics.median(late_s), LATE_BAR_S, " s")
    bars.exit()


if __name__ == "__main__":
    main()
