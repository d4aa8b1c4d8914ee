"""Who of several workers tries the judges, and what the others are told."""

import pytest

from pytest_modeleval.plugin.preflights import SharedTrial


class Channel:
    def __init__(self, is_dead=False):
        self.got = []
        self.is_dead = is_dead

    def send(self, found):
        if self.is_dead:
            raise OSError("it has just died")
        self.got.append(found)


@pytest.fixture
def trial():
    return SharedTrial()


@pytest.fixture
def workers(trial):
    channels = {name: Channel() for name in ("gw0", "gw1", "gw2")}
    for name, channel in channels.items():
        trial.add(name, channel)
    return channels


def got(workers):
    return [channel.got for channel in workers.values()]


def test_the_first_one_tries(trial, workers):
    """The others wait, and hear what it found; who comes later hears it at once."""
    trial.hear("gw1", None)
    trial.hear("gw0", None)
    assert got(workers) == [[], [None], []]

    trial.hear("gw1", "found")
    trial.hear("gw2", None)

    assert got(workers) == [["found"], [None], ["found"]]


def test_the_one_that_tries_dies(trial, workers):
    """The next one takes its turn, and who waits is not forgotten."""
    for name in workers:
        trial.hear(name, None)

    trial.lose("gw0")
    trial.hear("gw1", "found")

    assert got(workers) == [[None], [None], ["found"]]


def test_one_that_waits_dies(trial, workers):
    """It gets no turn, be its channel closed or not."""
    for name in workers:
        trial.hear(name, None)
    workers["gw1"].is_dead = True

    trial.lose("gw1")
    trial.lose("gw0")

    assert got(workers) == [[None], [], [None]]


def test_all_that_there_were_have_died(trial, workers):
    """The one that takes their place tries."""
    trial.hear("gw0", None)
    trial.lose("gw0")
    trial.add("gw3", late := Channel())

    trial.hear("gw3", None)

    assert late.got == [None]
