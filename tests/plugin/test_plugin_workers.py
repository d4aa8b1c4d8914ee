"""Workers: what is divided among them."""

import pytest

from pytest_modeleval.plugin.controllers import share


@pytest.mark.parametrize(
    ("concurrency", "n_workers", "shares"),
    [(16, 2, [8, 8]), (5, 2, [3, 2]), (7, 3, [3, 2, 2]), (1, 1, [1])],
)
def test_the_shares_add_up(concurrency, n_workers, shares):
    """The limit is the run's, however many workers there are."""
    assert [share(concurrency, n_workers, index) for index in range(n_workers)] == shares


def test_no_worker_is_without_a_share():
    """With more workers than calls at once each still has to ask."""
    assert [share(1, 3, index) for index in range(3)] == [1, 1, 1]


def test_a_worker_that_replaces_a_lost_one_has_the_smaller_share():
    """Its number is higher than any of the first."""
    assert share(5, 2, 2) == 2
