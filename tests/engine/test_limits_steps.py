"""Limit: how the size moves from step to step, with a server that is only a formula."""

import pytest

from pytest_modeleval.engine.limits import FIRST_SIZE, Limit
from pytest_modeleval.settings import RateLimit


def make_limit(cap=64):
    return Limit(cap, is_adaptive=True, rate_limit=RateLimit())


def run_step(limit, latency_s=0.1):
    """A whole step in which every call is answered after so long; gives the next size."""
    step = limit.begin()
    n_calls = max(limit.size, 12)
    for _ in range(limit.size - 1):
        limit.begin()
    for _ in range(limit.size):
        limit.end()
    for _ in range(n_calls):
        limit.answered(step, latency_s, lag_s=0.0, n_tokens=0.0)
    return limit.size


def reject(limit, n_calls):
    steps = [limit.begin() for _ in range(n_calls)]
    for step in steps:
        limit.end()
        limit.rejected(step)
    return limit.size


def test_single_rejection_has_no_consequence():
    limit = make_limit()

    assert reject(limit, 1) == FIRST_SIZE
    assert run_step(limit) == 2 * FIRST_SIZE


def test_single_rejection_in_every_step_has_no_consequence():
    limit = make_limit()

    for _ in range(20):
        reject(limit, 1)
        run_step(limit)

    assert limit.size == 64
    assert limit.n_rejected == 20


def test_three_rejections_of_eight_halve_the_first_size():
    assert reject(make_limit(), 3) == FIRST_SIZE // 2


def test_a_single_call_that_is_rejected_again_ends_the_step():
    limit = make_limit()
    run_step(limit)

    limit.rejected(limit.begin(), is_repeated=True)

    assert limit.size == FIRST_SIZE


def test_an_episode_of_rejections_counts_once():
    limit = make_limit()
    steps = [limit.begin() for _ in range(FIRST_SIZE)]

    for step in steps:
        limit.rejected(step)

    assert limit.size == FIRST_SIZE // 2


def test_rejections_go_back_to_a_size_that_went_well():
    limit = make_limit()
    run_step(limit)
    run_step(limit)
    assert limit.size == 32

    assert reject(limit, 16) == 16


def test_rejections_at_a_size_that_went_well_halve_it():
    limit = make_limit()
    run_step(limit)
    run_step(limit)
    reject(limit, 16)

    assert reject(limit, 8) == 8
    assert run_step(limit) > 8


@pytest.mark.parametrize("allowed", [5, 9, 12, 16, 23, 40])
def test_a_server_with_a_limit_is_used_well_and_bothered_seldom(allowed):
    limit = make_limit()
    n_episodes = 0

    for _ in range(40):
        if limit.size > allowed + 2:
            reject(limit, limit.size - allowed)
            n_episodes += 1
        else:
            run_step(limit)

    assert n_episodes <= 5
    assert 0.75 * allowed <= limit.size <= allowed + 2


@pytest.mark.parametrize("n_workers", [1, 4, 8])
def test_a_server_that_only_queues_is_not_asked_more(n_workers):
    limit = make_limit()
    largest = 0

    for _ in range(60):
        largest = max(largest, limit.size)
        run_step(limit, latency_s=0.1 * max(limit.size / n_workers, 1))

    assert largest <= 2 * FIRST_SIZE
    assert limit.size == FIRST_SIZE


def test_a_server_that_scales_is_asked_as_much_as_allowed():
    limit = make_limit()

    for _ in range(3):
        run_step(limit)

    assert limit.size == 64


def test_latencies_in_two_clumps_are_not_taken_for_the_lower_one():
    limit = make_limit(cap=10)
    run_step(limit, latency_s=0.2)
    assert limit.size == 10
    step = next(iter([limit.begin() for _ in range(10)]))

    for latency_s in [0.2] * 7 + [0.3] * 5:  # the median says that nothing got slower
        limit.answered(step, latency_s, lag_s=0.0, n_tokens=0.0)

    assert limit.size == FIRST_SIZE


def test_the_largest_size_has_to_help_too():
    limit = make_limit(cap=16)
    run_step(limit, latency_s=0.1)
    assert limit.size == 16

    assert run_step(limit, latency_s=0.2) == FIRST_SIZE


def test_single_rejections_at_the_largest_size_do_not_add_up():
    limit = make_limit(cap=8)

    for _ in range(10):
        reject(limit, 1)
        run_step(limit)

    assert limit.size == 8
