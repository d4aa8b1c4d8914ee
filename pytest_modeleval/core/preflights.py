"""Preflights: what came of trying the judges of a run, before they judged anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.predictions import total_cost
from pytest_modeleval.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Mistake", "Preflight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A golden answer that a judge got wrong.

    Attributes:
        scorer: Name of the scorer.
        model: The judge.
        golden: The golden answer.
        expected: ``pass`` or ``fail``.
        got: The other one, or ``no score``.
        reason: What the judge said.
    """

    scorer: str
    model: str
    golden: str
    expected: str
    got: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.scorer}, {self.model}: {self.golden}: expected {self.expected}, "
            f"got {self.got}: {self.reason}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What the trial of all judges of a run came to.

    Attributes:
        judges: The judges that were tried, each ``scorer, model``.
        untried: Names of the scorers whose judges were not, since the user wants none of it.
        n_golden: Golden answers that were judged.
        mistakes: Those that were judged wrong.
        n_calls: Calls that it took.
        cost_usd: US dollars that they cost; None where one is unknown.
    """

    judges: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    n_golden: int = 0
    mistakes: tuple[Mistake, ...] = ()
    n_calls: int = 0
    cost_usd: float | None = None

    @property
    def failure(self) -> str | None:
        """Why the run can't be judged; None where the judges got everything right."""
        if not self.mistakes:
            return None
        who = ", ".join(dict.fromkeys(f"{item.scorer} ({item.model})" for item in self.mistakes))
        golden = counted(self.n_golden, "golden answer")
        if all(item.got == "no score" for item in self.mistakes):
            return (
                f"preflight: {len(self.mistakes)} of {golden} got no score of {who}, so no case was "
                "asked"
            )
        return (
            f"preflight: {len(self.mistakes)} of {golden} judged wrong by {who}, so no case was "
            "asked"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Preflight:
        """What ``to_dict`` gave."""
        lists = {name: tuple(data[name]) for name in ("judges", "untried")}
        mistakes = tuple(Mistake(**item) for item in data["mistakes"])
        return cls(**{**data, **lists, "mistakes": mistakes})

    @classmethod
    def merge(cls, preflights: Iterable[Preflight]) -> Preflight | None:
        """The trials of several runs as one: each tried its judges, and all of them count."""
        found = list(preflights)
        if not found:
            return None
        return cls(
            judges=tuple(dict.fromkeys(name for one in found for name in one.judges)),
            untried=tuple(dict.fromkeys(name for one in found for name in one.untried)),
            n_golden=sum(one.n_golden for one in found),
            mistakes=tuple(mistake for one in found for mistake in one.mistakes),
            n_calls=sum(one.n_calls for one in found),
            cost_usd=total_cost([one.cost_usd for one in found]),
        )
