"""Loading: 100,000 rows of each format, checked and with ids made of their content.

Measured is a whole process that imports the package and loads one file; a process that loads one
row of the same format is taken from its peak memory. The last row loads 10,000 cases of 4 KiB of
text, and copies each as a suite of five repeats does; what the copies hold is traced.

Bars: at most 3 s of CPU for 100,000 rows of every format (on a machine with nothing else to do
that is the time on the clock), and at most 0.5 KiB for every further asking of a case.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import multiprocessing
import sys
import tempfile
from functools import partial
from pathlib import Path

import measure

BAR_S = 3
BAR_KIB = 0.5
TEAMS = ("billing", "login", "bug")
WORDS = ("my", "card", "payment", "has", "not", "arrived", "yet", "please", "help", "refund", "it")
FORMATS = ("csv", "tsv", "jsonl", "jsonl.gz", "json", "parquet")
N_COPIES = 4

LOAD = """
import sys
from copy import copy
from pytest_modeleval.suites import load_cases

path, n_cases, n_copies = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cases = load_cases(path)
assert len(cases) == n_cases, len(cases)
if n_copies:
    import tracemalloc

    tracemalloc.start()
    asked = [copy(case) for _ in range(n_copies) for case in cases]
    print(tracemalloc.get_traced_memory()[0] / len(asked) / 1024)
"""


def make_rows(n_rows: int, n_words: int) -> list[dict[str, str]]:
    """Rows of unlike text, with a column that goes to metadata."""
    n_known = len(WORDS)
    return [
        {
            "input": " ".join([f"{n}:", *(WORDS[(n + k * k) % n_known] for k in range(n_words))]),
            "expected": TEAMS[n % 3],
            "customer": f"customer {n % 977}",
        }
        for n in range(n_rows)
    ]


def as_table(rows: list[dict[str, str]], separator: str) -> str:
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, rows[0], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def as_lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write these rows in the format that the path ends in."""
    match path.suffixes:
        case [".csv"]:
            data = as_table(rows, ",").encode()
        case [".tsv"]:
            data = as_table(rows, "\t").encode()
        case [".json"]:
            data = json.dumps(rows).encode()
        case [".jsonl"]:
            data = as_lines(rows).encode()
        case [".jsonl", ".gz"]:
            data = gzip.compress(as_lines(rows).encode())
        case _:
            import pyarrow as pa
            from pyarrow import parquet

            parquet.write_table(pa.Table.from_pylist(rows), path)
            return path
    path.write_bytes(data)
    return path


def write_all(folder: Path, n_rows: int) -> None:
    """Write what is measured, in a process of its own whose memory counts for nobody."""
    rows = make_rows(n_rows, 15)
    for form in FORMATS:
        write(folder / f"rows.{form}", rows)
        write(folder / f"one.{form}", rows[:1])
    write(folder / "long.csv", make_rows(n_rows // 10, 800))


def load(path: Path, n_rows: int, n_copies: int = 0) -> measure.Cost:
    command = [sys.executable, "-c", LOAD, path, str(n_rows), str(n_copies)]
    return measure.run([str(word) for word in command], cwd=path.parent)


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    n_rows, runs = (2_000, 1) if given.quick else (given.rows, given.runs)
    with tempfile.TemporaryDirectory(prefix="modeleval-benchmark-") as name:
        folder = Path(name)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_all, args=(folder, n_rows)
        )
        writer.start()
        writer.join()
        rows = {form: partial(load, folder / f"rows.{form}", n_rows) for form in FORMATS}
        for form in FORMATS:
            rows[f"{form}, one row"] = partial(load, folder / f"one.{form}", 1)
        rows["4 KiB a row, copied"] = partial(load, folder / "long.csv", n_rows // 10, N_COPIES)
        costs = measure.interleave(rows, runs)

    print(f"{n_rows:,} rows")
    measure.show(costs, reference="csv")
    bars = measure.Bars(quick=given.quick)
    for form in FORMATS:
        more = peak_mib(costs, form) - peak_mib(costs, f"{form}, one row")
        print(f"{form}: {more * 1024 / n_rows:.2f} KiB of peak memory a row")
        bars.check(f"{form}: CPU", measure.median(costs[form], "cpu_s"), BAR_S, " s")
    each_kib = [float(cost.output) for cost in costs["4 KiB a row, copied"]]
    bars.check("a further asking of a case of 4 KiB", max(each_kib), BAR_KIB, " KiB")
    bars.exit()


def peak_mib(costs: dict[str, list[measure.Cost]], row: str) -> float:
    return measure.median(costs[row], "peak_mib")


if __name__ == "__main__":
    main()
