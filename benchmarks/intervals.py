"""Intervals: how often the product's 95 % intervals hold the true value.

Runs are simulated whose truth is known; each is summarized or compared by the product's own
functions. Of an interval that lacks a bound, as that of a p95 of 20 cases, the other one has to
hold. Lines named exact are sums over all that can happen, and have no error.

Bar: at least 93 % at 20, 50, 100 and 500 cases: within two points of 95 %, or more careful.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import simulations
from simulations import Cell, Line, Simulation, Table, share

from pytest_modeleval.core import paired, stats
from pytest_modeleval.core.summaries import summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator

BAR = 93.0
REPEATS = 3
UNUSUAL = 1e-12  # a chance that adds nothing to a percentage


def holds(interval, truth: float) -> bool:
    """Whether no bound that there is lies on the wrong side."""
    low, high = interval.low, interval.high
    return (low is None or low <= truth) and (high is None or truth <= high)


def accuracy(n: int, *, p: float) -> float:
    """The interval of independent cases, over all counts of passed ones."""
    cases = simulations.make_records(n)
    chances = simulations.binomial(n, p)
    held = 0.0
    for n_passed in np.flatnonzero(chances > UNUSUAL).tolist():
        records = [case[int(index < n_passed)] for index, case in enumerate(cases)]
        if holds(summarize(records).metric("accuracy"), p):
            held += chances[n_passed]
    return 100 * held


def related_accuracy(
    n: int,
    rng: Generator,
    n_runs: int,
    *,
    p: float,
    icc: float,
    clusters: Callable[[int], list[str]],
) -> Cell:
    """The accuracy of cases that are alike within their cluster."""
    names = clusters(n)
    cases = simulations.make_records(n, clusters=names)
    hits = []
    for _ in range(n_runs):
        passed = rng.random(n) < simulations.alike(rng, p, icc, names)
        records = [case[int(is_passed)] for case, is_passed in zip(cases, passed, strict=True)]
        hits.append(holds(summarize(records).metric("accuracy"), p))
    return share(hits)


def repeated_accuracy(n: int, rng: Generator, n_runs: int, *, p: float, icc: float) -> Cell:
    """The accuracy of cases that are asked three times each."""
    cases = simulations.make_records(n, repeats=REPEATS)
    names = [str(index // REPEATS) for index in range(n * REPEATS)]
    hits = []
    for _ in range(n_runs):
        passed = rng.random(len(names)) < simulations.alike(rng, p, icc, names)
        records = [case[int(is_passed)] for case, is_passed in zip(cases, passed, strict=True)]
        hits.append(holds(summarize(records).metric("accuracy"), p))
    return share(hits)


def mean(
    n: int,
    rng: Generator,
    n_runs: int,
    *,
    draw: Callable[[Generator, int], np.ndarray],
    truth: float,
) -> Cell:
    """Student's interval of a mean."""
    return share([holds(stats.mean_interval(draw(rng, n).tolist()), truth) for _ in range(n_runs)])


def related_mean(
    n: int, rng: Generator, n_runs: int, *, clusters: Callable[[int], list[str]]
) -> Cell:
    """The same of cases that share half of their variance with their cluster."""
    names = clusters(n)
    hits = []
    for _ in range(n_runs):
        values = 0.7 + shared(rng, names) * 0.1
        hits.append(holds(stats.mean_interval(values.tolist(), names), 0.7))
    return share(hits)


def shared(rng: Generator, names: Sequence[str], part: float = 0.5) -> np.ndarray:
    """Standard normal numbers that share a part of their variance within a cluster."""
    of_cluster = {name: rng.normal() for name in dict.fromkeys(names)}
    own = rng.normal(size=len(names))
    common = np.array([of_cluster[name] for name in names])
    return math.sqrt(part) * common + math.sqrt(1 - part) * own


def percentile(n: int, rng: Generator, n_runs: int, *, q: float, repeats: int = 1) -> Cell:
    """Order statistics of lognormal latencies, sigma 0.5, repeats of a case alike."""
    names = [str(index // repeats) for index in range(n * repeats)]
    clusters = names if repeats > 1 else None
    truth = math.exp(0.5 * stats.NormalDist().inv_cdf(q / 100))
    hits = []
    for _ in range(n_runs):
        values = np.exp(0.5 * shared(rng, names, 0.7 if repeats > 1 else 0.0))
        hits.append(holds(stats.percentile_interval(values.tolist(), q, clusters), truth))
    return share(hits)


def rate_difference(n: int, *, better: float, worse: float) -> float:
    """Bonett and Price's interval, over all counts of cases that broke and were mended."""
    held = 0.0
    changed = simulations.binomial(n, better + worse)
    for n_changed in np.flatnonzero(changed > UNUSUAL).tolist():
        chances = simulations.binomial(n_changed, worse / (better + worse))
        for n_worse in np.flatnonzero(chances > UNUSUAL).tolist():
            change = paired.change_of_rates(n_changed - n_worse, n_worse, n)
            if holds(change, better - worse):
                held += changed[n_changed] * chances[n_worse]
    return 100 * held


def score_difference(
    n: int,
    rng: Generator,
    n_runs: int,
    *,
    part: float,
    clusters: Callable[[int], list[str]] | None = None,
) -> Cell:
    """Scores of which a part drops, by 0.05 on the average, and all have some noise."""
    names = clusters(n) if clusters else [str(index) for index in range(n)]
    hits = []
    for _ in range(n_runs):
        before = rng.beta(8, 2, n)
        is_lower = shared(rng, names, 0.5 if clusters else 0.0) < stats.NormalDist().inv_cdf(part)
        noise = rng.normal(0, 0.02, n)
        after = before - np.where(is_lower, rng.beta(2, 38, n), 0.0) + noise
        change = paired.change_of_means(before.tolist(), after.tolist(), names)
        hits.append(holds(change, -part / 20))
    return share(hits)


def latency_ratio(
    n: int, rng: Generator, n_runs: int, *, clusters: Callable[[int], list[str]] | None = None
) -> Cell:
    """Latencies 5 % longer than before, each with noise that has heavy tails (t, 5 degrees)."""
    names = clusters(n) if clusters else [str(index) for index in range(n)]
    hits = []
    for _ in range(n_runs):
        before = np.exp(rng.normal(0, 0.5, n))
        noise = rng.standard_t(5, n) * 0.1 + (0.1 * shared(rng, names, 1.0) if clusters else 0)
        after = before * 1.05 * np.exp(noise)
        change = paired.change_of_ratio(before.tolist(), after.tolist(), names)
        hits.append(holds(change, 1.05))
    return share(hits)


def beta(a: float, b: float) -> dict:
    """How scores of this distribution are drawn, and their mean."""
    return {"draw": lambda rng, n: rng.beta(a, b, n), "truth": a / (a + b)}


def lognormal(sigma: float) -> dict:
    """How costs of this distribution are drawn, and their mean."""
    return {
        "draw": lambda rng, n: rng.lognormal(0, sigma, n),
        "truth": math.exp(sigma**2 / 2),
    }


def one_cell(simulate: Callable[[int, Generator, int], Cell]) -> Callable[..., list[Cell]]:
    """The run of a simulation of one line."""
    return lambda n, rng, n_runs: [simulate(n, rng, n_runs)]


EQUAL, UNEQUAL = simulations.equal_clusters, simulations.unequal_clusters

RATES = {f"accuracy of {p} (exact)": partial(accuracy, p=p) for p in (0.5, 0.8, 0.9, 0.95, 0.99)}

NUMBERS = {
    **{
        f"accuracy of {p}, {name}, ICC {icc}": partial(related_accuracy, p=p, icc=icc, clusters=of)
        for name, of in (("clusters of 5", EQUAL), ("clusters of 1 to 10", UNEQUAL))
        for icc in (0.2, 0.5)
        for p in (0.8, 0.9)
    },
    **{
        f"accuracy of {p}, 3 repeats, ICC {icc}": partial(repeated_accuracy, p=p, icc=icc)
        for icc in (0.2, 0.5)
        for p in (0.8, 0.95)
    },
    "mean score, beta(8, 2)": partial(mean, **beta(8, 2)),
    "mean score, beta(4, 1)": partial(mean, **beta(4, 1)),
    "mean score, beta(9, 1)": partial(mean, **beta(9, 1)),
    "mean score, clusters of 5": partial(related_mean, clusters=EQUAL),
    "mean score, clusters of 1 to 10": partial(related_mean, clusters=UNEQUAL),
    "p50 latency": partial(percentile, q=50),
    "p95 latency": partial(percentile, q=95),
    "p50 latency, 3 repeats": partial(percentile, q=50, repeats=REPEATS),
    "p95 latency, 3 repeats": partial(percentile, q=95, repeats=REPEATS),
    "average cost, lognormal, sigma 0.5": partial(mean, **lognormal(0.5)),
    "average cost, lognormal, sigma 1": partial(mean, **lognormal(1)),
}

RATE_CHANGES = {
    f"accuracy difference, {better * 100:g} % better, {worse * 100:g} % worse (exact)": partial(
        rate_difference, better=better, worse=worse
    )
    for better, worse in ((0.01, 0.01), (0.05, 0.05), (0.01, 0.09), (0.1, 0.1), (0.05, 0.2))
}

CHANGES = {
    "score difference, half of the cases lower": partial(score_difference, part=0.5),
    "score difference, a tenth lower": partial(score_difference, part=0.1),
    "score difference, half lower, clusters of 5": partial(
        score_difference, part=0.5, clusters=EQUAL
    ),
    "latency ratio": latency_ratio,
    "latency ratio, clusters of 5": partial(latency_ratio, clusters=EQUAL),
}

RUNS: dict[str, Callable[..., list[Cell]]] = {
    **{what: simulations.exact(percent) for what, percent in RATES.items()},
    **{what: one_cell(simulate) for what, simulate in NUMBERS.items()},
    **{what: simulations.exact(percent) for what, percent in RATE_CHANGES.items()},
    **{what: one_cell(simulate) for what, simulate in CHANGES.items()},
}

TABLES = (
    Table(
        title="percent of 95 % intervals that hold the truth",
        simulations=tuple(
            Simulation(lines=(Line(what=what, bar=BAR),), run=run) for what, run in RUNS.items()
        ),
    ),
)


if __name__ == "__main__":
    simulations.main(__doc__, TABLES, repetitions=4000)
