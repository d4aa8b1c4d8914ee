"""docs/statistics.md: its tables are those that the simulations print."""

import importlib
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")


def tables_of(name):
    """The tables of one script, as the page has them: title, then a row of cells for each line."""
    part = PAGE.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE):
        head, _, *rows = (
            [cell.strip() for cell in row.split("|")[1:-1]] for row in block.splitlines()
        )
        found.append((head, rows))
    return found


@pytest.fixture
def script(monkeypatch, request):
    """A script of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module(request.param)


@pytest.mark.parametrize("script", ["intervals", "regressions"], indirect=True)
def test_the_page_has_every_claim_and_no_other(script):
    """A claim that is added, renamed or dropped takes a new table."""
    shown = [(head[0], [row[0] for row in rows]) for head, rows in tables_of(script.__name__)]

    assert shown == [
        (
            table.title,
            [line.what for simulation in table.simulations for line in simulation.lines],
        )
        for table in script.TABLES
    ]


@pytest.mark.parametrize("script", ["intervals", "regressions"], indirect=True)
def test_the_verdicts_of_the_page_are_those_of_its_numbers(script):
    """Met, or where not; within two standard errors of the bar that is unsure."""
    lines = [
        (line, "(exact)" in line.what or "(exact)" in table.title)
        for table in script.TABLES
        for simulation in table.simulations
        for line in simulation.lines
    ]
    rows = [row for _, rows in tables_of(script.__name__) for row in rows]
    n_runs = int(re.search(rf"<!-- {script.__name__} -->\n.*?: (\d+) simulated", PAGE)[1])

    for (line, is_exact), (_, *texts, _, verdict) in zip(lines, rows, strict=True):
        percents = {n: float(x) for n, x in zip((20, 50, 100, 500), texts, strict=True) if x != "-"}
        cells = {
            n: (percent, 0 if is_exact else math.sqrt(percent * (100 - percent) / n_runs))
            for n, percent in percents.items()
        }
        wanted = "shown" if line.bar is None else script.simulations.verdict_on(line, cells)
        assert verdict == wanted


@pytest.mark.parametrize("script", ["intervals", "regressions"], indirect=True)
def test_exact_lines_are_exact(script):
    """What needs no random runs is what the script finds now."""
    rows = {row[0]: row for _, rows in tables_of(script.__name__) for row in rows}
    exact = [
        (line.what, simulation)
        for table in script.TABLES
        for simulation in table.simulations
        for line in simulation.lines
        if "(exact)" in line.what or "(exact)" in table.title
    ]

    assert exact
    for what, simulation in exact:
        ((percent, error),) = simulation.run(50, None, 0)
        assert error == 0
        assert f"{percent:.1f}" == rows[what][2]


def test_the_gate_modes_are_those_of_the_simulation():
    """Rounded to whole percents, at 50 cases."""
    exact = {row[0]: row[2] for _, rows in tables_of("regressions") for row in rows}
    modes = PAGE.partition("## Which gate mode")[2].partition("## ")[0]

    found = re.findall(r"^\| `([a-z-]+)`[^|]*\| (\d+) %", modes, re.MULTILINE)

    assert len(found) == 3
    for mode, percent in found:
        assert round(float(exact[f"{mode}, 92 % right in truth"])) == int(percent)
