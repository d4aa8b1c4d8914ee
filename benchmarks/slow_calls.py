"""Slow calls: 1,000 cases of which one in a hundred takes 5 s and the others 100 ms, 64 at a time.

Measured is the span from the first request to the last answer as the server saw it, against the
ideal of a client that keeps all its calls in flight: the sum of all latencies divided by the
concurrency, and never less than the longest call. The whole process is shown beside it, and so
is the bare loop, which shares the ideal.

Bar: over aiohttp a span of at most 1.4 times the ideal. A client that asks in order comes to 1.32
at best, because the last slow call is issued after 1.6 s; the bar leaves it 0.4 s of its own. The
SDK's HTTP client has no bar: it needs so much CPU for a call that one process cannot ask 640
times a second with it, whoever drives it, as the bare loop shows.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING

import measure
from served import TRANSPORTS, Contest

if TYPE_CHECKING:
    from served import Run

BAR = 1.4


def times_of_ideal(run: Run, concurrency: int) -> float:
    """How many times the ideal the span of the server's work took."""
    return run.span_s / max(run.stats["latency_sum_s"] / concurrency, run.stats["max_latency_s"])


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
    contest = Contest(n_cases=n_cases, server=server)
    concurrency = given.concurrency
    rows = {
        "bare loop, sdk": partial(
            contest.run_bare_loop, "bare loop, sdk", client="sdk", concurrency=concurrency
        )
    }
    for transport in TRANSPORTS:
        row = f"plugin, {transport}"
        rows[row] = partial(contest.run_plugin, row, transport=transport, concurrency=concurrency)

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, every 100th {slow_s:g} s, concurrency {concurrency}")
    measure.show(costs, reference="bare loop, sdk")
    times = {
        row: statistics.median(times_of_ideal(run, concurrency) for run in found)
        for row, found in contest.runs.items()
    }
    for row in ("bare loop, sdk", "plugin, sdk"):
        print(f"{row}: first request to last answer: {times[row]:.2f}x the ideal, no bar")
    bars = measure.Bars(quick=given.quick)
    what = "plugin, aiohttp: first request to last answer, times the ideal"
    bars.check(what, times["plugin, aiohttp"], BAR, "x")
    bars.exit()


if __name__ == "__main__":
    main()
