"""What an answer took and cost, as scores."""

import pytest

from pytest_modeleval import Unscored, UsageError


@pytest.mark.parametrize(
    ("spec", "answer", "value", "reason"),
    [
        ({"latency": "800ms"}, {"latency_s": 0.5}, 1, None),
        ({"latency": "800ms"}, {"latency_s": 0.8}, 1, None),
        ({"latency": "800ms"}, {"latency_s": 1.25}, 0, "1.25 s, above 0.8 s"),
        (
            {"latency": {"at_most": "1s", "clock": "total"}},
            {"latency_s": 0, "total_s": 2},
            0,
            "2 s, above 1 s",
        ),
        ({"latency": {"at_most": "1s", "clock": "ttft"}}, {"latency_s": 2, "ttft_s": 0.5}, 1, None),
        ({"cost": "$0.3"}, {"cost_usd": 0.1 + 0.1 + 0.1}, 1, None),
        ({"cost": "$0.002"}, {"cost_usd": 0}, 1, None),
        ({"cost": "$0.002"}, {"cost_usd": 0.01}, 0, "$0.01, above $0.002"),
    ],
)
def test_a_bound(score, spec, answer, value, reason):
    """Is met, the edge included, or the reason says by how much it is not."""
    found = score(spec, "x", **answer)

    assert (found.value, found.reason) == (value, reason)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"cost": "$0.002"}, "the cost of the answer is not known; .* model_eval_prices"),
        ({"latency": "1s"}, "the latency of the answer is not known"),
        ({"latency": {"at_most": "1s", "clock": "ttft"}}, "the ttft of the answer is not known"),
    ],
)
def test_what_is_not_known(score, spec, message):
    """Is unscored, neither 0 nor met."""
    with pytest.raises(Unscored, match=message):
        score(spec, "x")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"latency": 800}, "latency: a time needs its unit; write 800ms or 800s"),
        ({"latency": "soon"}, "latency: 'soon' is not a time; write 800ms or 1.5s"),
        ({"latency": {"clock": "total"}}, "latency: 'at_most' is missing"),
        ({"latency": {"at_most": "1s", "clock": "totl"}}, "clock: .*; did you mean 'total'?"),
        ({"cost": 0.002}, r"cost: a cost is in US dollars; write \$0.002"),
        ({"cost": "$-1"}, r"cost: a cost is at least \$0"),
        ("cost", "cost: 'at_most' is missing"),
    ],
)
def test_what_is_no_bound(check, spec, message):
    """Is refused with what would do."""
    with pytest.raises(UsageError, match=f"x.eval.yaml:3: scorers: .*{message}"):
        check(spec)
