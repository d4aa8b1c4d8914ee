"""What pytest shows of a wrong answer."""

from made_reports import record

from pytest_modeleval.reports.failures import failure_text


def test_a_reason_acts_on_no_terminal_and_begins_no_line():
    """It may be a judge's or a server's own words."""
    text = failure_text(record(outcome="missed", reason="bad\x1b[2J\n::error::x"))

    assert "\x1b" not in text
    assert "\\x1b[2J" in text
    assert not any(line.startswith("::") for line in text.splitlines())


def test_calls_beside_a_text_are_shown():
    """Else nobody sees what was wrong with them."""
    calls = ({"name": "refund", "arguments": {"order": 7}},)

    assert "refund" in failure_text(record(outcome="missed", output="Gladly.", tool_calls=calls))
