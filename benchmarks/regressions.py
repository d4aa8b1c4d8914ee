"""Regressions: how often the gate fails a run that is as good as its baseline, and finds a worse one.

Records of a run and of its baseline are made up, and compared and judged as those of real runs are:
counted are the runs whose verdict is "not met". Cases are flaky (right in every second run), or as
right or wrong as the time before. Scores, times and costs have noise of their own in every run.

Bars: at most 5 % false alarms where nothing changed, at least 80 % alarms where accuracy or score
dropped by just the smallest drop that the runs themselves print.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import simulations
from simulations import Cell, Line, Simulation, Table, share

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.paired import mcnemar_mid_p, visible_drop
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator

    from pytest_modeleval.core.comparisons import Comparison
    from pytest_modeleval.core.judgements import GateMode

FALSE_ALARMS = 5.0
POWER = 80.0
LEVEL = 0.05
UNUSUAL = 1e-12  # a chance that adds nothing to a percentage
N_PILOTS = 200  # runs whose median printed drop is taken for the drop that is printed
N_STEPS = 5

SEVERAL = (
    "accuracy regression <= 0%",
    "mean_score regression <= 0%",
    "p95_latency regression <= 0%",
    "avg_cost regression <= 0%",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What two runs of a suite are made of.

    Attributes:
        flaky: Share of the cases that are right in every second run; the others always are.
        clusters: The cluster of each of so many cases; None where all are independent.
        is_told: The records name the cluster.
        repeats: How often each case is asked.
        is_scored: Each case has a score, and a drop is one of scores.
    """

    flaky: float = 0.2
    clusters: Callable[[int], list[str]] | None = None
    is_told: bool = True
    repeats: int = 1
    is_scored: bool = False

    def runs(self, n: int, rng: Generator, drop: float) -> tuple[list[Record], list[Record]]:
        """The records of the baseline, and of a run that is worse by that drop."""
        names = self.clusters(n) if self.clusters else [str(index) for index in range(n)]
        unsure = rng.random(n) < self.flaky
        # What breaks was right, but for the flaky ones that were wrong anyway.
        broken = _by_name(rng, names) < (0.0 if self.is_scored else drop / (1 - self.flaky / 2))
        quality, latency, cost = (
            # Far enough from 0 and 1 that a drop is whole and no noise is cut off.
            0.3 + 0.4 * rng.beta(8, 2, n),
            rng.lognormal(0, 0.5, n),
            rng.lognormal(-6, 0.5, n),
        )
        both = []
        for lost in (0.0, drop if self.is_scored else 0.0):
            records = []
            for repeat in range(self.repeats):
                right = ~unsure | (_by_name(rng, names) < 0.5)
                if both:
                    right &= ~broken
                scores = np.clip(quality - lost + rng.normal(0, 0.05, n), 0.0, 1.0)
                records += self._records(
                    repeat, names, right, scores, _noisy(rng, latency), _noisy(rng, cost)
                )
            both.append(records)
        return both[0], both[1]

    def _records(
        self,
        repeat: int,
        names: Sequence[str],
        right: np.ndarray,
        scores: np.ndarray,
        latency: np.ndarray,
        cost: np.ndarray,
    ) -> list[Record]:
        lists = (right.tolist(), scores.tolist(), latency.tolist(), cost.tolist())
        return [
            Record(
                suite="s",
                model="m",
                case_id=f"c{index}",
                repeat=repeat,
                outcome="passed" if is_right else "missed",
                scores={"quality": {"value": score}} if self.is_scored else {},
                latency_s=latency_s,
                cost_usd=cost_usd,
                cluster=names[index] if self.clusters and self.is_told else None,
            )
            for index, (is_right, score, latency_s, cost_usd) in enumerate(zip(*lists, strict=True))
        ]


def alarms(
    n: int, rng: Generator, n_runs: int, *, world: World, gates: Sequence[Sequence[str]]
) -> list[Cell]:
    """How often each gate fails a run that is as good as its baseline."""
    hits: list[list[bool]] = [[] for _ in gates]
    for _ in range(n_runs):
        compared = _compared(world, n, rng, 0.0)
        for own, lines in zip(hits, gates, strict=True):
            own.append(_is_failed(*compared, lines=lines))
    return [share(own) for own in hits]


def finds(n: int, rng: Generator, n_runs: int, *, world: World, lines: Sequence[str]) -> list[Cell]:
    """How often the gate fails where the drop is the one that runs with this drop print."""
    threshold = parse_threshold(lines[0])
    level = LEVEL / len(lines)

    def printed(drop: float) -> float:
        seen = [
            _compared(world, n, rng, drop)[1].drop_seen(
                threshold.metric, level=level, tolerance=threshold.bound
            )
            for _ in range(min(N_PILOTS, n_runs))
        ]
        return statistics.median(1.0 if one is None else one for one in seen)

    # A drop makes more cases change, and then a larger one is printed.
    drop = 0.0
    for _ in range(N_STEPS):
        drop = printed(drop)
    return [
        share([_is_failed(*_compared(world, n, rng, drop), lines=lines) for _ in range(n_runs)])
    ]


def power(n: int, *, changed: float, tolerance: float, n_thresholds: int) -> float:
    """The same for accuracy, over all counts of cases that broke and were mended.

    It is the product's p value and the drop that it prints; the other thresholds, if there are
    any, have nothing to find, so that this one has to keep the strictest level.
    """
    level = LEVEL / n_thresholds
    drop = visible_drop(n, changed, level=level, tolerance=tolerance)
    if drop is None:
        return math.nan
    changed = max(changed, drop)
    found = 0.0
    of_changed = simulations.binomial(n, changed)
    for n_changed in np.flatnonzero(of_changed > UNUSUAL).tolist():
        chances = simulations.binomial(n_changed, (changed + drop) / (2 * changed))
        for n_worse in np.flatnonzero(chances > UNUSUAL).tolist():
            n_lost = 2 * n_worse - n_changed
            if n_lost > tolerance * n * (1 + UNUSUAL) and (
                mcnemar_mid_p(n_changed - n_worse, n_worse) < level
            ):
                found += of_changed[n_changed] * chances[n_worse]
    return 100 * found


def drops(n: int, rng: Generator, n_runs: int, *, world: World) -> list[Cell]:
    """How often accuracy drops by more than 2 and 5 points, whatever a test says."""
    changes = [_compared(world, n, rng, 0.0)[1].accuracy for _ in range(n_runs)]
    return [
        share([change is not None and round(change.value, 9) < -limit for change in changes])
        for limit in (0.02, 0.05)
    ]


def gate_fails(n: int, *, mode: GateMode, p: float) -> float:
    """How often ``accuracy >= 90%`` fails where so many answers are right, over all counts."""
    cases = simulations.make_records(n)
    threshold = parse_threshold("accuracy >= 90%")
    failed = 0.0
    for n_passed, chance in enumerate(simulations.binomial(n, p)):
        records = [case[int(index < n_passed)] for index, case in enumerate(cases)]
        covered = [Coverage(suite="s", n_total=n, n_selected=n)]
        failed += chance * judge(records, covered, [threshold], mode=mode).fails
    return 100 * failed


def _compared(world: World, n: int, rng: Generator, drop: float) -> tuple[list[Record], Comparison]:
    before, after = world.runs(n, rng, drop)
    (comparison,) = compare(numbers_of(after), numbers_of(before))
    return after, comparison


def _is_failed(records: Sequence[Record], comparison: Comparison, *, lines: Sequence[str]) -> bool:
    covered = [Coverage(suite="s", n_total=len(records), n_selected=len(records))]
    thresholds = [parse_threshold(line) for line in lines]
    verdict = judge(records, covered, thresholds, comparisons=[comparison])
    return verdict.status == "not met"


def _by_name(rng: Generator, names: Sequence[str]) -> np.ndarray:
    """A number in [0, 1) for each case, the same within a cluster."""
    index = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return rng.random(len(index))[[index[name] for name in names]]


def _noisy(rng: Generator, values: np.ndarray) -> np.ndarray:
    return values * np.exp(rng.normal(0, 0.2, len(values)))


def related(n: int) -> list[str]:
    """Clusters of five cases."""
    return simulations.equal_clusters(n)


def gate(metric: str, *percents: int) -> dict[str, tuple[str, ...]]:
    """Gates of one threshold, by what they are called."""
    names = {"p95_latency": "latency", "avg_cost": "cost", "mean_score": "mean score"}
    return {
        f"{names.get(metric, metric)}, tolerance {percent} %": (
            f"{metric} regression <= {percent}%",
        )
        for percent in percents
    }


ANY = "any of four thresholds (accuracy, score, latency, cost), tolerance 0 %"

ALARMS = (
    (
        "a fifth flaky: ",
        World(),
        gate("accuracy", 0, 2, 5) | gate("p95_latency", 0, 5) | gate("avg_cost", 0, 5),
    ),
    ("all flaky: ", World(flaky=1.0), gate("accuracy", 0, 2)),
    ("all flaky, 3 repeats: ", World(flaky=1.0, repeats=3), gate("accuracy", 0)),
    (
        "all flaky, clusters of 5: ",
        World(flaky=1.0, clusters=related),
        gate("accuracy", 0) | gate("p95_latency", 0),
    ),
    ("noisy scores: ", World(is_scored=True), gate("mean_score", 0, 2) | {ANY: SEVERAL}),
)

FINDS = (
    ("a fifth flaky: ", World(), gate("accuracy", 0, 5)),
    ("a fifth flaky: ", World(), {"accuracy, one of four thresholds": SEVERAL}),
    ("two fifths flaky, 3 repeats: ", World(flaky=0.4, repeats=3), gate("accuracy", 0)),
    ("a fifth flaky, clusters of 5: ", World(clusters=related), gate("accuracy", 0)),
    ("noisy scores: ", World(is_scored=True), gate("mean_score", 0, 2)),
)

UNTOLD = World(flaky=1.0, clusters=related, is_told=False)
MODES: tuple[GateMode, ...] = ("point", "confident-fail", "confident-pass")


def shown(what: str) -> Line:
    """A line that is not judged."""
    return Line(what=what, bar=None)


NOTHING_CHANGED = Table(
    title="percent of runs that fail though nothing changed",
    simulations=(
        *(
            Simulation(
                lines=tuple(
                    Line(what=start + what, bar=FALSE_ALARMS, is_least=False) for what in gates
                ),
                run=partial(alarms, world=world, gates=tuple(gates.values())),
            )
            for start, world, gates in ALARMS
        ),
        Simulation(
            lines=(shown("the same clusters, not named in the dataset: accuracy, tolerance 0 %"),),
            run=partial(alarms, world=UNTOLD, gates=tuple(gate("accuracy", 0).values())),
        ),
        Simulation(
            lines=tuple(
                shown(f"a fifth flaky: a drop of over {limit} points, without a test")
                for limit in (2, 5)
            ),
            run=partial(drops, world=World()),
        ),
    ),
)

WORSE = Table(
    title="percent of runs that fail where the drop is the one they print",
    simulations=(
        *(
            Simulation(
                lines=(
                    Line(
                        what=f"accuracy, {changed * 100:g} % changed, tolerance {tolerance * 100:g} %"
                        f"{f', {m} thresholds' if m > 1 else ''} (exact)",
                        bar=POWER,
                    ),
                ),
                run=simulations.exact(
                    partial(power, changed=changed, tolerance=tolerance, n_thresholds=m)
                ),
            )
            for changed, tolerance, m in (
                (0.05, 0.0, 1),
                (0.1, 0.0, 1),
                (0.2, 0.0, 1),
                (0.3, 0.0, 1),
                (0.1, 0.02, 1),
                (0.1, 0.05, 1),
                (0.1, 0.0, 4),
                (0.2, 0.02, 4),
            )
        ),
        *(
            Simulation(
                lines=(Line(what=start + what, bar=POWER),),
                run=partial(finds, world=world, lines=lines),
                # Four clusters see no drop at all, and the run says so.
                sizes=simulations.SIZES[1:] if world.clusters else simulations.SIZES,
            )
            for start, world, gates in FINDS
            for what, lines in gates.items()
        ),
    ),
)

GATES = Table(
    title="percent of runs that fail accuracy >= 90% (exact)",
    simulations=tuple(
        Simulation(
            lines=(shown(f"{mode}, {p * 100:g} % right in truth"),),
            run=simulations.exact(partial(gate_fails, mode=mode, p=p)),
        )
        for p in (0.92, 0.95, 0.85)
        for mode in MODES
    ),
)

TABLES = (NOTHING_CHANGED, WORSE, GATES)


if __name__ == "__main__":
    simulations.main(__doc__, TABLES, repetitions=2000)
