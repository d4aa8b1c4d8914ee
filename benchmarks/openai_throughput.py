"""Throughput: 1,000 cases of an OpenAI-compatible model that takes 100 ms, 64 at a time.

Measured is the whole process ``pytest --model-eval``, from start to exit, over each of its
transports, against the same cases asked by a bare ``AsyncOpenAI`` loop (bare_loop.py), also a
whole process. Each run has a fake server of its own, which checks that every case was asked
exactly once.

Bars:
    Over the SDK's client at most 1.5 times the wall time of the bare loop.
    Over aiohttp at most 0.7 times that wall time.
    Over aiohttp at least 85 % of the ideal throughput, which is 640 answers a second: that many
    cases divided by the server's span from the first request to the last answer.
    Over aiohttp at most 1.3 ms of CPU a case above the transport: the CPU of a run, less that of
    a run with a single case (start-up and report), less what a bare loop over aiohttp needs for
    the calls themselves, found the same way. pytest's own work on an item is in it, and half of
    it or more.

The last two are of the machine too: see the line of plain pytest, which has no bar.
"""

from __future__ import annotations

import statistics
from functools import partial

import measure
from served import TRANSPORTS, Contest

BARS = {"sdk": 1.5, "aiohttp": 0.7}
SHARE_BAR = 0.85
CPU_BAR_MS = 1.3

PLAIN = """
import pytest

@pytest.mark.parametrize("n", range({n_cases}))
def test(n):
    assert n >= 0
"""


def run_plain(n_cases: int) -> measure.Cost:
    files = {"test_it.py": PLAIN.format(n_cases=n_cases), "pytest.ini": "[pytest]\n"}
    with measure.project(files) as folder:
        return measure.run(measure.PYTEST, cwd=folder, env=measure.ALONE)


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds of one answer")
    given = parser.parse_args()
    n_cases, runs = (100, 1) if given.quick else (given.cases, given.runs)
    contest = Contest(n_cases=n_cases, server={"latency_s": given.latency})
    alone = Contest(n_cases=1, server={"latency_s": given.latency})
    concurrency = given.concurrency
    rows = {}
    for name, of in (("", contest), (", 1 case", alone)):
        for client in ("sdk", "aiohttp"):
            row = f"bare loop, {client}{name}"
            rows[row] = partial(of.run_bare_loop, row, client=client, concurrency=concurrency)
        for transport in TRANSPORTS:
            row = f"plugin, {transport}{name}"
            rows[row] = partial(of.run_plugin, row, transport=transport, concurrency=concurrency)
    rows["plain pytest"] = partial(run_plain, n_cases)
    rows["plain pytest, 1 case"] = partial(run_plain, 1)

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, {given.latency} s each, concurrency {concurrency}")
    shown = {row: cost for row, cost in costs.items() if "1 case" not in row}
    measure.show(shown, reference="bare loop, sdk")

    def cpu_ms(row: str) -> list[float]:
        """CPU a case, without the start-up, in each turn."""
        pairs = zip(costs[row], costs[f"{row}, 1 case"], strict=True)
        return [(one.cpu_s - other.cpu_s) * 1000 / (n_cases - 1) for one, other in pairs]

    shares = {}
    for row, found in contest.runs.items():
        in_flight = max(run.stats["max_in_flight"] for run in found)
        server_ms = max(run.stats["cpu_s"] for run in found) / n_cases * 1000
        span_s = statistics.median(run.span_s for run in found)
        shares[row] = n_cases * given.latency / concurrency / span_s
        line = f"{row}: {statistics.median(cpu_ms(row)):.2f} ms CPU a case, up to {in_flight} in "
        line += f"flight, span {span_s:.2f} s, server {server_ms:.2f} ms CPU a request"
        print(line)
    print(f"plain pytest: {statistics.median(cpu_ms('plain pytest')):.2f} ms CPU a case")
    print("every case was asked exactly once, and all accuracies are right")
    bars = measure.Bars(quick=given.quick)
    for transport, bar in BARS.items():
        times = measure.ratio(costs[f"plugin, {transport}"], costs["bare loop, sdk"], "wall_s")
        bars.check(f"{transport}: wall time, times the bare loop's", times, bar, "x")
    bars.check_least("aiohttp: share of the ideal throughput", shares["plugin, aiohttp"], SHARE_BAR)
    pairs = zip(cpu_ms("plugin, aiohttp"), cpu_ms("bare loop, aiohttp"), strict=True)
    own_ms = statistics.median(one - other for one, other in pairs)
    bars.check("aiohttp: CPU a case above the transport", own_ms, CPU_BAR_MS, " ms")
    bars.exit()


if __name__ == "__main__":
    main()
