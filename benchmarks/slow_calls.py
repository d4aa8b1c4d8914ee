"""Slow calls: 1,000 cases of which one in a hundred takes 5 s and the others 100 ms, 64 at a time.

Measured is the span from the first request to the last answer as the server saw it, against the
ideal of a client that keeps all its calls in flight: the sum of all latencies divided by the
concurrency, and never less than the longest call. The whole process is shown beside it, and so
is the bare loop, which shares the ideal.

Bar: a span of at most 1.4 times the ideal. A client that asks in order comes to 1.32 at best,
because the last slow call is issued after 1.6 s; the bar leaves it 0.4 s of its own.
"""

from __future__ import annotations

import statistics

import measure
from served import Contest

BAR = 1.4


def times_of_ideal(stats: dict, concurrency: int) -> float:
    """How many times the ideal the span of the server's work took."""
    ideal_s = max(stats["latency_sum_s"] / concurrency, stats["max_latency_s"])
    return (stats["last_answer_at"] - stats["first_request_at"]) / ideal_s


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--slow-latency", type=float, default=5.0, help="seconds of a slow answer")
    given = parser.parse_args()
    n_cases, slow_s, runs = given.cases, given.slow_latency, given.runs
    if given.quick:
        n_cases, slow_s, runs = 200, 1.0, 1
    server = {"latency_s": 0.1, "slow_every": 100, "slow_latency_s": slow_s}
    contest = Contest(n_cases, given.concurrency, server)
    rows = {"bare loop": contest.run_bare_loop, "pytest --model-eval": contest.run_plugin}

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, every 100th {slow_s:g} s, concurrency {given.concurrency}")
    measure.show(costs, reference="bare loop")
    times = {
        name: statistics.median(times_of_ideal(seen, given.concurrency) for seen in stats)
        for name, stats in contest.stats.items()
    }
    print(f"bare loop: first request to last answer: {times['bare loop']:.2f}x the ideal")
    bars = measure.Bars(quick=given.quick)
    what = "pytest --model-eval: first request to last answer, times the ideal"
    bars.check(what, times["pytest --model-eval"], BAR, "x")
    bars.exit()


if __name__ == "__main__":
    main()
