"""Blocks: the cases as the one JSON block that the page's script builds its table from.

A row is a case of a suite with the answers of every model and repeat, so that a question that four
models were asked stands there once. Positions stand for names; the script knows the same order.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from pytest_modeleval.core.cases import question_of
from pytest_modeleval.core.pasts import case_key
from pytest_modeleval.core.records import Outcome
from pytest_modeleval.core.words import titled
from pytest_modeleval.reports.cases import repeats_answer
from pytest_modeleval.reports.failures import calls_of
from pytest_modeleval.reports.pasts import past_text
from pytest_modeleval.reports.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.comparisons import CaseNumbers, Comparison
    from pytest_modeleval.core.pasts import CaseKey, Past
    from pytest_modeleval.core.records import Record

__all__ = ["MAX_BYTES", "Block", "embedded", "make_block"]

MAX_BYTES = 12_000_000
"""What the texts of all cases may take; beyond it each is cut, the longest first."""

_CAPS = (100_000, 30_000, 10_000, 5000, 3000, 2000, 1500, 1000, 700, 500, 350, 250, 170, 120, 80)
_QUESTION = 300  # characters of a chat's last question, which the table shows in its place
_WORST_FIRST: tuple[Outcome, ...] = ("errored", "unscored", "missed", "passed", "skipped")
_SIGNS: Mapping[str, str] = {"passed": ".", "missed": "m", "errored": "e", "unscored": "u"}
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One case of one suite, with the records of every model and repeat."""

    place: _Place
    first: Record
    records: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The cases, ready to be written.

    Attributes:
        max_characters: Where longer texts are cut; None where none is.
        n_cut: Number of texts that are.
    """

    rows: Sequence[_Row]
    models: Sequence[str | None]
    before: Mapping[tuple[str, str, str | None, str], tuple[CaseNumbers, int]]
    pasts: Mapping[CaseKey, Past]
    has_baseline: bool
    run_id: str
    folder: str
    max_characters: int
    n_cut: int

    def __iter__(self) -> Iterator[str]:
        """The block in pieces, one for each case; none holds what HTML would act on."""
        places = list(dict.fromkeys(row.place for row in self.rows))
        tags = list(dict.fromkeys(tag for row in self.rows for tag in row.first.tags))
        scores = sorted({name for row in self.rows for r in row.records for name in r.scores})
        head = {
            "run": self.run_id,
            "folder": self.folder,
            "suites": [titled(*place) for place in places],
            "models": [model or "" for model in self.models],
            "tags": tags,
            "scores": scores,
            "outcomes": _OUTCOMES,
            "compared": self.has_baseline,
        }
        names = _Names(places, list(self.models), tags, scores)
        yield f'{embedded(head)[:-1]},"cases":['
        for index, row in enumerate(self.rows):
            yield ("," if index else "") + embedded(self._case(row, names))
        yield "]}"

    def _case(self, row: _Row, names: _Names) -> list[Any]:
        first = row.first
        question = question_of(first.input)
        about = {
            "metadata": _text(dict(first.metadata)) if first.metadata else None,
            "cluster": first.cluster,
            "source": first.source,
        }
        return [
            names.places[row.place],
            first.case_id,
            self._cut(_text(first.input)),
            0 if question is first.input else str(question)[:_QUESTION],
            self._cut(_text(first.expected)),
            [names.tags[tag] for tag in first.tags],
            [self._answer(record, names) for record in row.records],
            self._changes(row, names),
            {key: self._cut(value) for key, value in about.items() if value},
            self._pasts_of(row, names) or 0,
        ]

    def _answer(self, record: Record, names: _Names) -> list[Any]:
        scores = [
            [names.scores[name], _number(score.get("value")), self._cut(score.get("reason")) or 0]
            for name, score in record.scores.items()
        ]
        return [
            names.models[record.model],
            record.repeat,
            _OUTCOMES.index(record.outcome),
            self._cut(_text(record.output)),
            None if repeats_answer(record) else self._cut(record.reason),
            _number(record.latency_s),
            _number(record.cost_usd),
            scores or 0,
            _details(record) or 0,
        ]

    def _changes(self, row: _Row, names: _Names) -> list[Any] | int:
        """What the baseline has of the case, for each model; 0 for nothing."""
        found = []
        for model in dict.fromkeys(record.model for record in row.records):
            known = self.before.get((*row.place, model, row.first.case_id))
            if known is not None:
                case, change = known
                outcome = _OUTCOMES.index(case.outcome) if case.outcome in _OUTCOMES else 0
                numbers = (_number(case.latency_s), _number(case.cost_usd))
                output = self._cut(case.output)
                found.append([names.models[model], change, outcome, output, *numbers])
        return found or 0

    def _pasts_of(self, row: _Row, names: _Names) -> list[Any]:
        """What earlier runs say of the case, for each model: in words, and run by run."""
        found = []
        worst = sorted(row.records, key=lambda record: _WORST_FIRST.index(record.outcome))
        for record in {item.model: item for item in reversed(worst)}.values():
            past = self.pasts.get(case_key(record))
            said = past_text(past, record.outcome) if past is not None else None
            if past is not None and said is not None:
                runs = (*past.earlier, past.now)
                signs = ["".join(map(_SIGNS.__getitem__, run.outcomes)) for run in runs]
                found.append([names.models[record.model], said, " ".join(signs)])
        return found

    def _cut(self, text: str | None) -> str | list[Any] | None:
        """A text, or its beginning and how long it is."""
        if text is None or len(text) <= self.max_characters:
            return text
        return [text[: self.max_characters], len(text)]


class _Names:
    """The position of each name."""

    def __init__(
        self,
        places: Sequence[_Place],
        models: Sequence[str | None],
        tags: Sequence[str],
        scores: Sequence[str],
    ) -> None:
        self.places = {name: index for index, name in enumerate(places)}
        self.models = {name: index for index, name in enumerate(models)}
        self.tags = {name: index for index, name in enumerate(tags)}
        self.scores = {name: index for index, name in enumerate(scores)}


def make_block(
    records: Iterable[Record],
    comparisons: Sequence[Comparison],
    *,
    pasts: Mapping[CaseKey, Past] | None = None,
    has_baseline: bool,
    run_id: str,
    folder: str,
    max_bytes: int = MAX_BYTES,
) -> Block:
    """The block of these records.

    Args:
        records: The records, in the order of the cases.
        comparisons: What changed since the baseline.
        pasts: What earlier runs say of the cases.
        has_baseline: There is one.
        run_id: The run.
        folder: Its folder, as it is shown.
        max_bytes: What the texts may take.
    """
    rows: dict[tuple[str, str, str], _Row] = {}
    models: dict[str | None, None] = {}
    for record in records:
        place = (record.suite, record.variant)
        row = rows.setdefault((*place, record.case_id), _Row(place=place, first=record))
        row.records.append(record)
        models[record.model] = None
    before = _before(comparisons)
    answers = (case.output for case, _ in before.values() if case.output is not None)
    cap, n_cut = _cap([*_texts(rows.values()), *answers], max_bytes)
    return Block(
        rows=list(rows.values()),
        models=sorted(models, key=lambda name: name is None),
        before=before,
        pasts=pasts or {},
        has_baseline=has_baseline,
        run_id=run_id,
        folder=folder,
        max_characters=cap,
        n_cut=n_cut,
    )


def embedded(value: Any) -> str:
    """JSON that a script element may hold, whatever texts are in it.

    ``<`` could end the element or begin a comment, and U+2028 and U+2029 end a line of older
    scripts; JSON itself escapes control characters.
    """
    text = _to_json(value)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_ESCAPES = tuple((character, f"\\u{ord(character):04x}") for character in "<>&\u2028\u2029")


def _before(
    comparisons: Iterable[Comparison],
) -> dict[tuple[str, str, str | None, str], tuple[CaseNumbers, int]]:
    """Each case of the baseline, and whether it is now worse (-1), better (1) or neither (0)."""
    found = {}
    for comparison in comparisons:
        changes = {pair.after.case_id: -1 for pair in comparison.broke}
        changes |= {pair.after.case_id: 1 for pair in comparison.mended}
        place = (comparison.suite, comparison.variant, comparison.model)
        for pair in comparison.pairs:
            case_id = pair.after.case_id
            found[*place, case_id] = (pair.before, changes.get(case_id, 0))
    return found


def _cap(texts: Iterable[str], max_bytes: int) -> tuple[int, int]:
    """The number of characters that texts are cut at so that all fit, and how many that cuts."""
    sizes = [(len(text), len(embedded(text).encode("utf-8", "replace"))) for text in texts]
    for cap in _CAPS:
        total = sum(n if length <= cap else n * cap // length for length, n in sizes)
        if total <= max_bytes:
            break
    return cap, sum(length > cap for length, _ in sizes)


def _texts(rows: Iterable[_Row]) -> Iterator[str]:
    """Every text of any length that the block has."""
    for row in rows:
        values = [row.first.input, row.first.expected, dict(row.first.metadata) or None]
        for record in row.records:
            values += [record.output, record.reason]
            values += [score.get("reason") for score in record.scores.values()]
        yield from (text for value in values if (text := _text(value)) is not None)


def _text(value: Any) -> str | None:
    """A value as text to read: chat messages one after the other, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(map(_is_message, value)):
        return "\n\n".join(f"{item['role']}: {item['content']}" for item in value)
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"role", "content"}
        and isinstance(value["content"], str)
    )


def _details(record: Record) -> dict[str, Any]:
    """What else is known of an answer, by the word it is shown under."""
    usage = record.usage or {}
    found = {
        "error": record.error_kind,
        "tool calls": None if (calls := calls_of(record)) is None else one_line(calls),
        "attempts": record.n_attempts if (record.n_attempts or 1) > 1 else None,
        "with retries": _number(record.total_s) if (record.n_attempts or 1) > 1 else None,
        "first token": _number(record.ttft_s),
        "tokens": [usage.get("input_tokens"), usage.get("output_tokens")] if usage else None,
        "judging": _number(record.judge_cost_usd),
        "served by": record.served_model,
        "finish reason": record.finish_reason,
        "answer of run": record.measured_in,
    }
    return {name: value for name, value in found.items() if value is not None}


def _number(value: Any) -> float | None:
    """A number to five digits; None where there is none, or what a damaged file holds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")
