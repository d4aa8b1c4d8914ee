"""The router: says which team handles a ticket, by naive Bayes over the words in it.

Text goes in, the name of a team comes out. Training reads data/train.csv when this module is
imported and takes a few hundredths of a second; nothing in it is random, so the same tickets
always make the same router.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_modeleval import Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

TRAINING_TICKETS = Path(__file__).parent / "data" / "train.csv"

# In production this model stands behind a hosted endpoint that bills $0.0001 for every started
# 100 characters of a ticket (a made-up contract: put the figures of your own here). The eval
# runs the model in this process instead, and reports what the endpoint would have billed.
USD_PER_UNIT = 0.0001
CHARACTERS_PER_UNIT = 100

# Chosen by leave-one-out accuracy on the training tickets. The test cases had no part in it.
STEM_LENGTH = 5
SMOOTHING = 1.0


def predict(ticket: str) -> Prediction:
    """Name the team that handles a ticket, and what asking costs in US dollars."""
    return Prediction(output=ROUTER.team(ticket), cost_usd=cost_usd(ticket))


# This is pure computation in this process. Calls in parallel would take turns at the one
# interpreter, and each would count its waiting as latency; one at a time, latency is its own.
predict.model_eval_concurrency = 1  # type: ignore[attr-defined]  # mypy knows no function attributes


def cost_usd(ticket: str) -> float:
    """US dollars that the hosted endpoint bills for a ticket; an empty one counts as a unit."""
    return USD_PER_UNIT * max(1, math.ceil(len(ticket) / CHARACTERS_PER_UNIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A trained model.

    Attributes:
        signs: What it looks for in a ticket.
        teams: Names of the teams, sorted.
        columns: The column of each sign that occurs in a training ticket.
        weights: How much a sign speaks for a team, of shape (teams, signs).
    """

    signs: Callable[[str], list[str]]
    teams: tuple[str, ...]
    columns: dict[str, int]
    weights: NDArray[np.float64]

    def team(self, ticket: str) -> str:
        """The team with the highest score; the first one where no sign is known."""
        known = [self.columns[sign] for sign in self.signs(ticket) if sign in self.columns]
        return self.teams[int(self.weights[:, known].sum(axis=1).argmax())]


def train(
    examples: Iterable[tuple[str, str]],
    *,
    signs: Callable[[str], list[str]],
    smoothing: float,
) -> Router:
    """Count which signs occur in which team's tickets, and weigh them.

    Complement naive Bayes: a sign speaks for a team as far as it is rare in the tickets of all
    the others, which are more text to count in than the team's own (Rennie et al. 2003,
    "Tackling the Poor Assumptions of Naive Bayes Text Classifiers").

    Args:
        examples: Tickets, each with its team.
        signs: What to look for in a ticket, each once.
        smoothing: Tickets that every sign is taken to have been in besides.
    """
    tickets = [(signs(ticket), team) for ticket, team in examples]
    teams = sorted({team for _, team in tickets})
    vocabulary = sorted({sign for found, _ in tickets for sign in found})
    columns = {sign: column for column, sign in enumerate(vocabulary)}
    counts = np.zeros((len(teams), len(columns)))
    for found, team in tickets:
        counts[teams.index(team), [columns[sign] for sign in found]] += 1
    others = counts.sum(axis=0) - counts + smoothing
    weights = -np.log(others / others.sum(axis=1, keepdims=True))
    return Router(signs=signs, teams=tuple(teams), columns=columns, weights=weights)


def stems(ticket: str) -> list[str]:
    """The first letters of every word, each once, sorted.

    Cutting words short makes 'invoice', 'invoices' and 'invoiced' one, and forgives some typing
    errors.
    """
    return sorted({word[:STEM_LENGTH] for word in re.findall(r"[^\W_]+", ticket.casefold())})


def read_tickets(path: Path) -> list[tuple[str, str]]:
    """The tickets of a CSV file, each with the team that handled it."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["input"], row["expected"]) for row in csv.DictReader(file)]


ROUTER = train(read_tickets(TRAINING_TICKETS), signs=stems, smoothing=SMOOTHING)
