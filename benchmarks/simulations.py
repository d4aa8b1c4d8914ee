"""Simulations: how often a statistical claim of the product holds, as a table of percentages.

A line is one claim and a cell one number of cases. Each cell has a random stream of its own, so the
same number of repetitions prints the same table, in whatever order and on however many cores.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

# What is simulated is the checkout that the scripts stand in, whatever else is installed.
sys.path.insert(0, str(Path(__file__).parent.parent))

from pytest_modeleval.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SIZES = (20, 50, 100, 500)
"""Numbers of cases that every claim is tried at."""

Cell = tuple[float, float]
"""A percentage and its standard error from the number of repetitions, 0 for an exact one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One claim.

    Attributes:
        what: What is claimed of what.
        bar: Percent that are met; None where the line is there for comparison and not judged.
        is_least: The bar is the least that is met, not the most.
    """

    what: str
    bar: float | None
    is_least: bool = True

    def misses(self, cell: Cell) -> bool | None:
        """Whether a cell, as exactly as it is shown, misses the bar.

        None where it does by no more than two standard errors, so that more runs may say otherwise.
        """
        percent, error = cell
        if self.bar is None or math.isnan(percent):
            return False
        short = self.bar - round(percent, 1) if self.is_least else round(percent, 1) - self.bar
        if short <= 0:
            return False
        return None if short <= 2 * error else True


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Claims that are tried on the same simulated runs.

    Attributes:
        lines: The claims.
        run: A percentage for each line, at so many cases, with this random stream and so many runs.
        sizes: Numbers of cases for which there are such claims.
    """

    lines: tuple[Line, ...]
    run: Callable[[int, np.random.Generator, int], Sequence[Cell]]
    sizes: tuple[int, ...] = SIZES


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Simulations under a title, which says what the percentages are of."""

    title: str
    simulations: tuple[Simulation, ...]


def exact(percent: Callable[[int], float]) -> Callable[..., list[Cell]]:
    """The run of a simulation that goes through all that can happen, and needs no random runs."""
    return lambda n, _rng, _n_runs: [(percent(n), 0.0)]


def share(hits: Sequence[bool]) -> Cell:
    """The percentage of hits, and its standard error."""
    rate = sum(hits) / len(hits)
    return 100 * rate, 100 * math.sqrt(rate * (1 - rate) / len(hits))


def binomial(n: int, p: float) -> np.ndarray:
    """The probabilities of 0 to ``n`` successes."""
    if p >= 1:
        return np.eye(n + 1)[n]
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(n + 1)
    ]  # fmt: skip
    return np.exp(logs)


def make_records(n: int, *, clusters: Sequence[str] | None = None, repeats: int = 1, **known):
    """A passed and a missed record of each case and repeat, for a run to choose from."""
    return [
        tuple(
            Record(
                suite="s",
                model="m",
                case_id=f"c{index}",
                repeat=repeat,
                outcome=outcome,
                cluster=clusters[index] if clusters else None,
                **known,
            )
            for outcome in ("missed", "passed")
        )
        for index in range(n)
        for repeat in range(repeats)
    ]


def equal_clusters(n: int) -> list[str]:
    """Clusters of five cases."""
    return [str(index // 5) for index in range(n)]


def unequal_clusters(n: int) -> list[str]:
    """Clusters of 1, 2, 3, 4 and 10 cases, over and over."""
    names: list[str] = []
    while len(names) < n:
        for size in (1, 2, 3, 4, 10):
            names += [str(len(names))] * size
    return names[:n]


def alike(rng: np.random.Generator, p: float, icc: float, clusters: Sequence[str]) -> np.ndarray:
    """Each case's own chance: the same within a cluster, with that intraclass correlation."""
    own = {
        name: rng.beta(p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc)
        for name in dict.fromkeys(clusters)
    }
    return np.array([own[name] for name in clusters])


def main(doc: str, tables: Sequence[Table], *, repetitions: int) -> None:
    """Simulate all tables, print them, and end with status 1 where a bar was not met."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repetitions", type=int, default=repetitions, help="simulated runs a cell"
    )
    parser.add_argument("--quick", action="store_true", help="a few small ones that judge no bar")
    parser.add_argument("--markdown", action="store_true", help="as the tables of the docs")
    given = parser.parse_args()
    sizes = SIZES[:1] if given.quick else SIZES
    n_runs = 20 if given.quick else given.repetitions
    found = _simulate(tables, sizes, n_runs, is_parallel=not given.quick)
    error = max(error for _, error in found.values())
    print(f"{n_runs} simulated runs a cell, standard error at most {error:.1f} points")
    is_missed = False
    for table in tables:
        rows = []
        for line in (line for simulation in table.simulations for line in simulation.lines):
            cells = {n: found[id(line), n] for n in sizes if (id(line), n) in found}
            is_missed |= any(line.misses(cell) for cell in cells.values())
            rows.append([line.what, *_texts(cells, sizes), *_bar(line, cells, given.quick)])
        head = [table.title, *(f"n={n}" for n in sizes), "bar", ""]
        print()
        for text in (_markdown if given.markdown else _aligned)([head, *rows]):
            print(text)
    sys.exit(int(is_missed and not given.quick))


def _simulate(
    tables: Sequence[Table], sizes: Sequence[int], n_runs: int, *, is_parallel: bool
) -> dict[tuple[int, int], Cell]:
    """The cell of each line, by its identity, and number of cases."""
    _ALL[:] = [simulation for table in tables for simulation in table.simulations]
    # The largest first, so that no core is left with one of them at the end.
    jobs = [
        (index, n)
        for n in sorted(sizes, reverse=True)
        for index, simulation in enumerate(_ALL)
        if n in simulation.sizes
    ]
    if is_parallel:
        # Forked, since a partial function of a lambda can't be sent to another process.
        with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
            waiting = [pool.submit(_cells, index, n, n_runs) for index, n in jobs]
            cells = [one.result() for one in waiting]
    else:
        cells = [_cells(index, n, n_runs) for index, n in jobs]
    return {
        (id(line), n): cell
        for (index, n), row in zip(jobs, cells, strict=True)
        for line, cell in zip(_ALL[index].lines, row, strict=True)
    }


_ALL: list[Simulation] = []  # for the processes that are forked from this one


def _cells(index: int, n: int, n_runs: int) -> Sequence[Cell]:
    simulation = _ALL[index]
    seed = zlib.crc32(f"{simulation.lines[0].what} {n}".encode())
    return simulation.run(n, np.random.default_rng(seed), n_runs)


def _texts(cells: Mapping[int, Cell], sizes: Sequence[int]) -> list[str]:
    percents = [cells[n][0] if n in cells else math.nan for n in sizes]
    return ["-" if math.isnan(percent) else f"{percent:.1f}" for percent in percents]


def _bar(line: Line, cells: Mapping[int, Cell], is_quick: bool) -> tuple[str, str]:
    if line.bar is None:
        return "", "shown"
    bar = f"{'>=' if line.is_least else '<='} {line.bar:g}"
    if is_quick:
        return bar, "not judged: quick run"
    return bar, verdict_on(line, cells)


def verdict_on(line: Line, cells: Mapping[int, Cell]) -> str:
    """Whether the cells of a line, by the number of cases, keep its bar; where not, and how surely."""
    said = []
    for word, kind in (("NOT MET", True), ("unsure", None)):
        sizes = [str(n) for n, cell in cells.items() if line.misses(cell) is kind]
        if sizes:
            said.append(f"{word} at {', '.join(sizes)}")
    return "; ".join(said) or "met"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others, last = (
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others, last.strip()]).rstrip()


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = rows
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'--:|' * (len(head) - 2)}---|"
    for row in body:
        yield f"| {' | '.join(row)} |"
