"""Shards: runs that each asked a part of the cases, and what they are together.

A shard's ``run.json`` names the cases that it left out, so the shards of a run know all of its
cases, also those that none of them has a record of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.asked import Asked, merge_asked
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.preflights import Preflight
from pytest_modeleval.core.words import counted, listed, out_of
from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modeleval.core.records import Record
    from pytest_modeleval.store.runs import StoredRun

__all__ = [
    "check_shards",
    "combined_numbers",
    "combined_preflight",
    "coverages_of",
    "lacks",
    "missing_items",
    "name_of_item",
    "records_in_order",
    "why_unfinished",
]

_SAME = (
    "thresholds",
    "models",
    "repeats",
    "gate",
    "max_error_rate",
    "max_unscored_rate",
    "prices",
    "timeout_s",
    "retries",
    "git_commit",
    "git_is_dirty",
)
"""What shards of one run have in common in ``run.json``, besides versions, datasets and suites."""

_MAX_SHOWN = 60


def name_of_item(nodeid: str) -> str:
    """What an item is called in its suite.

    Args:
        nodeid: ``FILE.py::FUNCTION[NAME]``, or ``FILE::NAME`` of a suite without Python, with
            brackets around a name that has ``::`` in it.
    """
    file, _, name = nodeid.partition("::")
    if file.endswith(".py"):
        return name.partition("[")[2].rpartition("]")[0]
    return name[1:-1] if "::" in name else name


def check_shards(runs: Sequence[StoredRun]) -> None:
    """Refuse runs that are no parts of one run.

    Raises:
        UsageError: Two hold the same case, which would count twice, or differ in what was asked or
            how it is judged; the message names the runs and what it is.
    """
    _check_overlap(runs)
    for run in runs[1:]:
        for what, one, other in _differences(runs[0].manifest, run.manifest):
            raise UsageError(
                f"{runs[0].folder.name} and {run.folder.name} are no shards of one run: they differ "
                f"in {what}: {_shown(one)} and {_shown(other)}"
            )


def coverages_of(runs: Sequence[StoredRun]) -> list[Coverage]:
    """What the runs together were meant to have: of one run its selection, of shards all cases."""
    by_place: dict[tuple[str, str], Coverage] = {}
    for run in runs:
        for data in run.manifest.get("coverages", ()):
            coverage = Coverage.from_dict(data)
            if len(runs) > 1:
                coverage = replace(
                    coverage,
                    n_selected=coverage.n_total,
                    tags={tag: (total, total) for tag, (total, _) in coverage.tags.items()},
                )
            by_place[coverage.suite, coverage.variant] = coverage
    return list(by_place.values())


def records_in_order(runs: Sequence[StoredRun], coverages: Sequence[Coverage]) -> list[Record]:
    """The records of all runs, suite by suite as the whole run would have them."""
    places = {(item.suite, item.variant): index for index, item in enumerate(coverages)}
    records = [record for run in runs for record in run.records]
    return sorted(records, key=lambda record: places.get((record.suite, record.variant), -1))


def missing_items(runs: Sequence[StoredRun]) -> dict[str, list[str]]:
    """For each suite the names of the items that shards left out and none has a record of."""
    recorded: dict[str, set[str]] = defaultdict(set)
    left_out: dict[str, dict[str, None]] = defaultdict(dict)
    for run in runs:
        for record in run.records:
            recorded[record.suite].add(name_of_item(record.nodeid))
        for suite, names in run.manifest.get("left_out", {}).items():
            left_out[suite] |= dict.fromkeys(names)
    missing = {
        suite: [name for name in names if name not in recorded[suite]]
        for suite, names in left_out.items()
    }
    return {suite: names for suite, names in missing.items() if names}


def lacks(runs: Sequence[StoredRun], coverages: Sequence[Coverage]) -> Iterator[str]:
    """Sentences on the cases that no run has a record of, and on the runs that were cut off."""
    n_missing: Counter[str] = Counter()
    n_total: Counter[str] = Counter()
    for coverage in coverages:
        n_total[coverage.suite] += coverage.n_total
    n_missing.update(n_total)
    n_missing.subtract(record.suite for run in runs for record in run.records)
    missing = missing_items(runs)
    for suite, n in n_missing.items():
        if n > 0:
            verb = "is" if n == 1 else "are"
            names = f": {listed(missing[suite])}" if suite in missing else ""
            counts = out_of(n, n_total[suite], "case")
            yield f"{counts} of {suite} {verb} in none of the runs{names}"
    for run in runs:
        n_selected = sum(item["n_selected"] for item in run.manifest.get("coverages", ()))
        if not run.summary or len(run.records) < n_selected:
            n_lost = n_selected - len(run.records)
            yield f"{run.folder.name} was cut off: {out_of(n_lost, n_selected, 'case')} did not run"


def why_unfinished(run: StoredRun) -> str | None:
    """Why a run can't be judged by what is on disk; None where all of it is there.

    A run that was cut off may have had failures that it never wrote down, and of records that are
    gone nobody knows what they said.
    """
    name = run.folder.name
    if not isinstance(run.summary.get("verdict"), dict):
        return f"{name} was cut off before it was judged"
    n_then, n_now = run.summary.get("n_records", 0), len(run.records)
    if n_now < n_then:
        return f"{name} had {counted(n_then, 'record')} when it was judged, and has {n_now} now"
    return None


def combined_preflight(runs: Sequence[StoredRun]) -> Preflight | None:
    """What came of trying the judges in all shards; None where there were none."""
    found = (run.summary.get("preflight") for run in runs)
    return Preflight.merge(Preflight.from_dict(one) for one in found if one)


def combined_numbers(runs: Sequence[StoredRun]) -> dict[str, Any]:
    """What ``summary.json`` says of a run besides its verdict, of all shards together."""
    spans = sorted(filter(None, map(_span, runs)))
    starts = [str(run.manifest["started"]) for run in runs if "started" in run.manifest]
    are_at_once = any(later[0] < earlier[1] for earlier, later in pairwise(spans))
    preflight = combined_preflight(runs)
    asked = [Asked(**part) for run in runs for part in run.summary.get("asked", ())]
    return {
        "started": min(starts, default=None),
        "seconds": round(max(end for _, end in spans) - spans[0][0], 6) if spans else None,
        "n_failed_tests": sum(run.summary.get("n_failed_tests", 0) for run in runs),
        "n_strays": sum(run.summary.get("n_strays", 0) for run in runs),
        "asked": [part.to_dict() for part in merge_asked(asked, are_at_once=are_at_once)],
        "preflight": preflight.to_dict() if preflight else None,
    }


def _span(run: StoredRun) -> tuple[float, float] | None:
    """Begin and end of a run in seconds since the epoch; None where it was cut off."""
    try:
        start_s = datetime.fromisoformat(run.summary["started"]).timestamp()
        return start_s, start_s + float(run.summary["seconds"])
    except (KeyError, TypeError, ValueError):
        return None


def _check_overlap(runs: Sequence[StoredRun]) -> None:
    """Refuse runs that hold the same case.

    Raises:
        UsageError: Two do; the message names the cases.
    """
    names = [run.folder.name for run in runs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{twice[0]} is given twice")
    seen: dict[tuple[Any, ...], StoredRun] = {}
    for run in runs:
        overlaps: dict[str, tuple[StoredRun, list[str]]] = {}
        for record in run.records:
            key = (record.suite, record.variant, record.model, record.case_id, record.repeat)
            other = seen.setdefault(key, run)
            if other is not run:
                overlaps.setdefault(record.suite, (other, []))[1].append(record.case_id)
        for suite, (other, cases) in overlaps.items():
            unique = list(dict.fromkeys(cases))
            noun = "case" if len(unique) == 1 else counted(len(unique), "case")
            raise UsageError(
                f"{other.folder.name} and {run.folder.name} overlap: both have the {noun} "
                f"{listed(unique)} of {suite}; leave one of the runs out"
            )


def _differences(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """What two manifests differ in, and the value of each; what one does not know is no difference."""
    for name in _SAME:
        if one.get(name) != other.get(name) and None not in (one.get(name), other.get(name)):
            yield name, one[name], other[name]
    versions = [manifest.get("versions", {}).get("pytest-modeleval") for manifest in (one, other)]
    if versions[0] != versions[1]:
        yield "the version of pytest-modeleval", *versions
    datasets = one.get("datasets", {}), other.get("datasets", {})
    for name in datasets[0].keys() & datasets[1].keys():
        if datasets[0][name] != datasets[1][name]:
            yield f"the dataset {name}", datasets[0][name], datasets[1][name]
    suites = _suites(one), _suites(other)
    for place in suites[0].keys() & suites[1].keys():
        for what, value in suites[0][place].items():
            if value != suites[1][place][what]:
                title = "-".join(filter(None, place))
                yield f"the {what} of {title}", value, suites[1][place][what]


def _suites(manifest: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What shards agree on for each suite."""
    return {
        (item["suite"], item["variant"]): {
            "number of cases": item["n_total"],
            "number of models": item["n_models"],
            "number of repeats": item["n_repeats"],
            "tags": {tag: counts[0] for tag, counts in item["tags"].items()},
            "thresholds": [threshold["text"] for threshold in item["thresholds"]],
        }
        for item in manifest.get("coverages", ())
    }


def _shown(value: Any) -> str:
    """A value of a manifest, short enough for a sentence."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
