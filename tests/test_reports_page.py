"""The page on reports says what is so."""

import csv
import json
import re
from pathlib import Path

from made_reports import record, report

from pytest_modeleval.reports.files import write_report
from pytest_modeleval.reports.markdown import MARKER, MAX_COMMENT_BYTES
from pytest_modeleval.reports.sheets import COLUMNS

PAGE = (Path(__file__).parent.parent / "docs" / "reports.md").read_text(encoding="utf-8")


def test_the_columns_are_those_of_the_file():
    """All of them, in order."""
    listed = re.search(r"in this order: (.*?)\.\n", PAGE, re.DOTALL)[1]

    assert tuple(re.findall(r"`(\w+)`", listed)) == COLUMNS


def test_marker_and_limit():
    """As the code has them."""
    assert f"`{MARKER}`" in PAGE
    assert f"{MAX_COMMENT_BYTES:,} bytes" in PAGE


def test_csv_and_json_lines_read_back_alike(tmp_path):
    """What the one-liner computes from one is what it computes from the other."""
    records = [
        record("c-1"),
        record("c-2", "missed", output='-no, "n\'t"\n'),
        record("c-3", "errored", output=None, latency_s=None),
    ]
    write_report(report(records), tmp_path / "report.csv")
    lines = [json.loads(json.dumps(item.to_dict())) for item in records]

    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, line in zip(rows, lines, strict=True):
        assert row["outcome"] == line["outcome"]
        assert row["output"].removeprefix("'") == line.get("output", "")
        assert (float(row["latency_s"]) if row["latency_s"] else None) == line.get("latency_s")


def test_the_schema_is_where_the_page_says():
    """Its lines of Python run."""
    code = re.search(r"```python\n(import json.*?)```", PAGE, re.DOTALL)[1]
    names = {}
    exec(code, names)

    assert names["schema"]["properties"]["format_version"]["const"] == 1
