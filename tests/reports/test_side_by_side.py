"""Several models side by side: one table, and what each changes against the first."""

import pytest

from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.side_by_side import side_by_side

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored"}
LONG = "openai:a-model-of-a-long-name@http://localhost:8000"


def lines(models, thresholds=("accuracy >= 50%",), *, is_verbose=False, **known):
    """The section's lines for models written as ``name=pmme``."""
    records = []
    for factor, (model, letters) in enumerate(models.items(), start=1):
        fields = {"suite": "tickets", "latency_s": 0.1 * factor, "cost_usd": 0.001} | known
        records += [
            Record(case_id=f"c{index}", outcome=OUTCOMES[letter], model=model, **fields)
            for index, letter in enumerate(letters)
        ]
    coverage = Coverage(
        suite="tickets", n_total=len(records), n_selected=len(records), n_models=len(models)
    )
    verdict = judge(
        records,
        [coverage],
        [parse_threshold(text) for text in thresholds],
        max_error_rate=1.0,
        max_unscored_rate=1.0,
    )
    return list(side_by_side(verdict, width=80, is_verbose=is_verbose))


def texts(*args, **known):
    return [line.text for line in lines(*args, **known)]


def test_a_row_a_model_and_the_difference():
    """The verdict of each, the change case by case, and whether it may be chance."""
    assert texts({"a:x": "pppppmmmmm", "a:y": "pppppppmme"}) == [
        "models side by side: tickets",
        "      accuracy      p95  avg cost  errors     n  thresholds",
        "  a:x   50.0 %   100 ms   $0.0010   0.0 %    10  met",
        "  a:y   70.0 %   200 ms   $0.0010  10.0 %    10  met",
        "  a:y against a:x:",
        "    accuracy  +20.0 points (-14.6 to +47.9), p 0.25",
        "              which may well be chance; it takes about 37 cases to tell",
        "              10 cases tell models apart from 61.6 points on",
        "    latency   +100 % in each case",
        "    cost      the same in each case",
        "    better on 2 cases: c5, c6",
        "",
    ]


def test_the_colour_is_that_of_the_verdict():
    """Red where a threshold is not met; how many where there are several."""
    found = lines({"a:x": "pp", "a:y": "mm"}, ["accuracy >= 50%", "p95_latency <= 1s"])

    ends = [(line.text.rpartition("   2  ")[2], line.color) for line in found[2:4]]
    assert ends == [("met", "green"), ("1 not met", "red")]


def test_a_difference_that_is_hardly_chance():
    """Nothing more is needed; the cases are named up to five, with ``-v`` all."""
    models = {"a:x": "p" * 9, "a:y": "m" * 9}

    assert "              hardly by chance" in texts(models)
    assert "    worse on 9 cases: c0, c1, c2, c3, c4, ..." in texts(models)
    assert "    worse on 9 cases: c0, c1, c2, c3, c4, c5, c6, c7, c8" in texts(
        models, is_verbose=True
    )


def test_long_names_have_lines_of_their_own():
    """Every row fits 80 columns, and no name is cut that could tell models apart."""
    found = texts({f"{LONG}/1": "pp", f"{LONG}/2": "pm", "a:z": "pp"})

    assert f"  {LONG}/1" in found
    assert f"  {LONG}/2" in found
    assert f"  {LONG}/2 against the first:" in found
    assert max(map(len, found)) <= 80
    assert "  (each p is of that comparison alone, though there are several)" in found


@pytest.mark.parametrize("thresholds", [[], ["accuracy regression <= 2%"]])
def test_without_thresholds(thresholds):
    """What is unknown is n/a, not 0, and has no difference."""
    found = texts({"a:x": "pp", "a:y": "pp"}, thresholds, cost_usd=None, latency_s=None)

    assert found[2].split()[:5] == ["a:x", "100.0", "%", "n/a", "n/a"]
    assert not any(line.startswith(("    latency", "    cost")) for line in found)
    assert "    accuracy  no change (-69.3 to +69.3)" in found


def test_one_model_is_not_compared():
    """There is nothing to put beside it."""
    assert texts({"a:x": "pp"}) == []
