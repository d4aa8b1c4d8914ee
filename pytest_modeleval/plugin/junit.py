"""JUnit: what pytest's file for ``--junitxml`` says of the run, beside what pytest writes itself.

pytest has a fixture for properties of the run and nothing for a test case that is no test; what is
used of its writer is in one place, and is public by its name alone.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.metrics import usual_metrics
from pytest_modeleval.models.base import describe
from pytest_modeleval.reports.rows import label_of
from pytest_modeleval.reports.texts import one_line
from pytest_modeleval.reports.titles import has_no_gate, number_text, title_of, worst_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from pytest_modeleval.core.judgements import Status, Verdict
    from pytest_modeleval.plugin.state import Evals

__all__ = ["add_verdict", "properties_as_text", "verdict_lines"]

_CLASS, _NAME = "modeleval", "thresholds"
_PREFIX = "model_eval."
_TAGS: Mapping[Status, str | None] = {
    "met": None,
    "not met": "failure",
    "invalid": "error",
    "not judged": "skipped",
    "inconclusive": "skipped",
}


def add_verdict(
    config: pytest.Config, evals: Evals, verdict: Verdict, earlier: Mapping[str, str]
) -> None:
    """Add the verdict as a test case, and the run's numbers as properties of the test suite.

    What goes wrong is added to the session's trouble.

    Args:
        config: The session's configuration.
        evals: What the session's roles share.
        verdict: The verdict.
        earlier: Which run this one replays or resumes, where it does.
    """
    xml = _writer(config)
    if xml is None:
        return
    try:
        for name, value in _properties(evals, verdict, earlier).items():
            xml.add_global_property(_escaped(evals.redactor.text(name)), value)
        if verdict.fails or not has_no_gate(verdict):
            _add_case(xml, evals, verdict)
    except Exception as error:  # noqa: BLE001  (another pytest may have another writer)
        evals.trouble.append(f"the verdict is not in the JUnit file: {describe(error)}")


def properties_as_text(config: pytest.Config, report: pytest.TestReport) -> None:
    """Move our properties of a case into its ``system-out``, at its last report.

    The schema of xunit2 knows no properties of a test case.
    """
    own = [pair for pair in report.user_properties if pair[0].startswith(_PREFIX)]
    report.user_properties = [pair for pair in report.user_properties if pair not in own]
    xml = _writer(config)
    if xml is None or report.when != "teardown" or not own:
        return
    text = ET.Element("system-out")
    text.text = "\n".join(f"{name}: {_escaped(one_line(str(value)))}" for name, value in own)
    xml.node_reporter(report).append(text)


def _properties(evals: Evals, verdict: Verdict, earlier: Mapping[str, str]) -> dict[str, str]:
    found = {f"{_PREFIX}verdict": verdict.status, f"{_PREFIX}run": evals.run_id}
    found |= {f"{_PREFIX}{name}": run_id for name, run_id in earlier.items()}
    n_models = Counter(summary.title for summary in verdict.summaries)
    for summary in verdict.summaries:
        several = n_models[summary.title] > 1
        place = f"{summary.title}, {summary.model}" if several else summary.title
        for name in usual_metrics("junit"):
            metric = summary.metric(name)
            if metric.value is None:
                continue
            about = {"": metric.value, ".n": metric.n, ".low": metric.low, ".high": metric.high}
            found |= {
                f"{_PREFIX}{place}.{name}{part}": f"{number:.9g}"
                for part, number in about.items()
                if number is not None
            }
    return found


def _add_case(xml: Any, evals: Evals, verdict: Verdict) -> None:
    """The verdict as a test case: red exactly where the gate fails the run."""
    case = xml.node_reporter(f"{_CLASS}::{_NAME}")
    case.attrs.update(classname=_CLASS, name=_NAME)
    redacted = evals.redactor.text
    lines = "\n".join(verdict_lines(verdict))
    tag = _TAGS[verdict.status]
    if tag is None:
        xml.add_stats("passed")
        return
    node = ET.Element(tag, message=_escaped(redacted(one_line(title_of(verdict)))))
    if tag == "skipped":
        node.set("type", "pytest.skip")
    node.text = _escaped(redacted(lines))
    case.append(node)


def verdict_lines(verdict: Verdict) -> list[str]:
    """A line for each threshold, the worst first."""
    lines = [f"invalid: {one_line(verdict.reason)}"] if verdict.reason else []
    for item in worst_first(verdict):
        place = ", ".join(filter(None, [item.suite or "all suites", item.model]))
        found = f"{label_of(item.threshold.metric)} {number_text(item)}".strip()
        reason = f"; {item.reason}" if item.reason else ""
        lines.append(one_line(f"{item.status}: {place}: {item.threshold.text}: {found}{reason}"))
    return lines


def _writer(config: pytest.Config) -> Any:
    """The writer of the file; None where none is wanted."""
    try:
        from _pytest.junitxml import xml_key
    except ImportError:
        return None
    return config.stash.get(xml_key, None)


def _escaped(text: str) -> str:
    """``text`` without the characters that XML can't hold, as pytest shows them."""
    from _pytest.junitxml import bin_xml_escape

    return bin_xml_escape(text)
