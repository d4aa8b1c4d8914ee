"""Settings: the table of options, and the values they resolve to.

Each row is an option ``--model-eval-NAME`` and an ini key ``model_eval_NAME``; the command line
wins over the ini file, which wins over the default. Values stay text until ``resolve``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_modeleval.core.thresholds import Threshold

__all__ = [
    "CONCURRENCY",
    "OPTIONS",
    "RETRIES",
    "TIMEOUT_S",
    "Option",
    "Price",
    "Settings",
    "parse_prices",
    "resolve",
]

CONCURRENCY, TIMEOUT_S, RETRIES = 16, 60.0, 4
"""The defaults of these options, wherever they have to be named."""

_MAX_CONCURRENCY = 1024
_MAX_RETRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the table.

    Attributes:
        name: ``concurrency`` stands for ``--model-eval-concurrency`` and
            ``model_eval_concurrency``.
        kind: ``line`` for one text, ``lines`` for several.
        metavar: What the value is called in ``--help``.
        help: The sentence of ``--help``.
        takes_numbers: Whether a number of native TOML will do where text is wanted.
    """

    name: str
    kind: Literal["line", "lines"] = "line"
    metavar: str
    help: str
    takes_numbers: bool = False

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return "--model-eval-" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """The key in the ini file."""
        return "model_eval_" + self.name


OPTIONS: tuple[Option, ...] = (
    Option(
        name="model",
        metavar="SPEC",
        help="model of suites that name none: module:callable or openai:NAME",
    ),
    Option(
        name="base_url",
        metavar="URL",
        help="server of openai: models (default: OPENAI_BASE_URL, else OpenAI's own)",
    ),
    Option(
        name="thresholds",
        kind="lines",
        metavar="THRESHOLD",
        help="bound on a metric of the suite, e.g. 'accuracy >= 90%%', 'p95_latency <= 800ms', "
        "'avg_cost <= $0.002'; repeat for several",
    ),
    Option(
        name="concurrency",
        takes_numbers=True,
        metavar="N",
        help=f"calls in flight at once (default: {CONCURRENCY}), divided among xdist workers",
    ),
    Option(
        name="timeout",
        takes_numbers=True,
        metavar="TIME",
        help=f"time-out of one attempt (default: {TIMEOUT_S:g}s)",
    ),
    Option(
        name="retries",
        takes_numbers=True,
        metavar="N",
        help="attempts after the first, on 408, 409, 429, 5xx and connection errors "
        f"(default: {RETRIES})",
    ),
    Option(
        name="max_error_rate",
        takes_numbers=True,
        metavar="RATE",
        help="share of cases without an answer that the run may have (default: 0)",
    ),
    Option(
        name="max_unscored_rate",
        takes_numbers=True,
        metavar="RATE",
        help="share of cases that could not be scored that the run may have (default: 0)",
    ),
    Option(
        name="prices",
        kind="lines",
        metavar="PRICE",
        help="price per million tokens: 'MODEL input=0.25 output=2 cached_input=0.025'; "
        "repeat for several",
    ),
    Option(
        name="store",
        metavar="DIR",
        help="folder that runs are kept in (default: .modeleval, below rootdir)",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model charges, in US dollars per million tokens.

    Attributes:
        input: For a token of the question.
        output: For a token of the answer.
        cached_input: For a cached token of the question; None where it costs what ``input`` does.
    """

    input: float
    output: float
    cached_input: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run, checked; see ``OPTIONS`` for their meaning.

    Attributes:
        model: Spec of the model of suites that name none, or None.
        base_url: Server of ``openai:`` models, or None for the SDK's own choice.
        thresholds: The bounds of the run.
        concurrency: Calls in flight at once.
        timeout_s: Seconds that one attempt may take.
        retries: Attempts after the first.
        max_error_rate: Share of errored cases in [0, 1] that is still met.
        max_unscored_rate: Share of unscored cases in [0, 1] that is still met.
        prices: The user's price table, by model name.
        store: Folder that runs are kept in, relative to rootdir.
    """

    model: str | None = None
    base_url: str | None = None
    thresholds: tuple[Threshold, ...] = ()
    concurrency: int = CONCURRENCY
    timeout_s: float = TIMEOUT_S
    retries: int = RETRIES
    max_error_rate: float = 0.0
    max_unscored_rate: float = 0.0
    prices: Mapping[str, Price] = field(default_factory=dict)
    store: str = ".modeleval"


def resolve(cli: Mapping[str, object], ini: Mapping[str, object]) -> Settings:
    """The settings that the user's values stand for.

    A value is text or a list of texts, and in native TOML a number where a number is wanted. Of
    an option that takes one value and is given several times the last one holds, as elsewhere in
    pytest.

    Args:
        cli: What the command line says, by the option's name; None where it says nothing.
        ini: What the ini file says, by the option's name; None where it says nothing.

    Raises:
        UsageError: A value is not of its kind or out of range; the message says where it stands,
            what was found, and what would do.
    """
    texts = _Texts(cli, ini)
    return Settings(
        model=texts.text("model"),
        base_url=texts.url("base_url"),
        thresholds=texts.thresholds(),
        concurrency=texts.count("concurrency", 1, _MAX_CONCURRENCY, default=CONCURRENCY),
        timeout_s=texts.duration("timeout", default=TIMEOUT_S),
        retries=texts.count("retries", 0, _MAX_RETRIES, default=RETRIES),
        max_error_rate=texts.rate("max_error_rate"),
        max_unscored_rate=texts.rate("max_unscored_rate"),
        prices=texts.prices(),
        store=texts.text("store") or ".modeleval",
    )


class _Texts:
    """Reads values of the right kind out of the two sources and knows where each stands."""

    def __init__(self, cli: Mapping[str, object], ini: Mapping[str, object]) -> None:
        self._cli = cli
        self._ini = ini

    def lines(self, name: str) -> tuple[Sequence[str], str]:
        """The lines of an option that are not empty, and the place they stand at."""
        option = next(row for row in OPTIONS if row.name == name)
        given = self._cli.get(name)
        if given is not None:
            values = _list(given)
            lines = _lines(values[-1:] if option.kind == "line" else values, option, option.flag)
            if not lines:
                raise UsageError(
                    f"{option.flag}: the value is empty; write {option.metavar}, "
                    "or leave the option out"
                )
            return lines, option.flag
        return _lines(_list(self._ini.get(name)), option, option.key), option.key

    def text(self, name: str) -> str | None:
        """One text, or None where nothing is set."""
        lines, place = self.lines(name)
        if len(lines) > 1:
            raise UsageError(f"{place}: one value is wanted, not {len(lines)}: {', '.join(lines)}")
        return lines[0] if lines else None

    def url(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not re.match(r"https?://[^/\s]+", text):
            place = self.lines(name)[1]
            raise UsageError(f"{place}: {text!r} is not a URL; write http://localhost:8000/v1")
        return text

    def count(self, name: str, low: int, high: int, *, default: int) -> int:
        text, place = self.text(name), self.lines(name)[1]
        if text is None:
            return default
        if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            raise UsageError(f"{place}: {text!r} is not a whole number; write {default}")
        if not low <= int(text[:9]) <= high or len(text) > 9:
            raise UsageError(f"{place}: {text} is out of range; write {low} to {high}")
        return int(text)

    def duration(self, name: str, *, default: float) -> float:
        from pytest_modeleval.core.thresholds import parse_duration

        text, place = self.text(name), self.lines(name)[1]
        return default if text is None else parse_duration(text, f"{place}: {text!r}")

    def rate(self, name: str) -> float:
        from pytest_modeleval.core.thresholds import parse_rate

        text, place = self.text(name), self.lines(name)[1]
        return 0.0 if text is None else parse_rate(text, f"{place}: {text!r}")

    def thresholds(self) -> tuple[Threshold, ...]:
        from pytest_modeleval.core.thresholds import parse_threshold

        lines, place = self.lines("thresholds")
        return tuple(parse_threshold(line, where=place) for line in lines)

    def prices(self) -> dict[str, Price]:
        lines, place = self.lines("prices")
        return parse_prices(lines, where=place)


def parse_prices(lines: Iterable[str], *, where: str) -> dict[str, Price]:
    """Lines such as ``gpt-5-mini input=0.25 output=2`` as a price table.

    Raises:
        UsageError: A line is not a price, or a model has two.
    """
    prices: dict[str, Price] = {}
    for line in lines:
        model, price = _parse_price(line, f"{where}: {line!r}")
        if model in prices:
            raise UsageError(f"{where}: {line!r}: {model} has a price already; write one line")
        prices[model] = price
    return prices


def _list(value: object) -> list[object]:
    """One value or several as a list; nothing set is no value."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _lines(values: Sequence[object], option: Option, place: str) -> list[str]:
    """The lines of text in these values that are not empty."""
    lines = []
    for value in values:
        if isinstance(value, str):
            lines += [line.strip() for line in value.split("\n") if line.strip()]
        elif option.takes_numbers and type(value) in (int, float):
            lines.append(str(value))
        else:
            shown = str(value).lower() if isinstance(value, bool) else repr(value)
            wanted = "a number" if option.takes_numbers else "text; write it in quotes"
            raise UsageError(f"{place}: {shown} is not {wanted}")
    return lines


def _parse_price(line: str, place: str) -> tuple[str, Price]:
    """``gpt-5-mini input=0.25 output=2 cached_input=0.025`` as a row of the price table."""
    model, *pairs = line.split()
    amounts: dict[str, float] = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        if key not in ("input", "output", "cached_input"):
            raise UsageError(
                f"{place}: unknown price {key!r}; known are input, output, cached_input"
            )
        if key in amounts:
            raise UsageError(f"{place}: {key} is given twice")
        is_price = re.fullmatch(r"\$?(\d+(\.\d*)?|\.\d+)", text, re.ASCII)
        if not is_price or math.isinf(float(text.removeprefix("$"))):
            raise UsageError(f"{place}: {text!r} is not a price in dollars per million tokens")
        amounts[key] = float(text.removeprefix("$"))
    if not {"input", "output"} <= set(amounts):
        raise UsageError(
            f"{place}: a price is MODEL input=DOLLARS output=DOLLARS per million tokens"
        )
    return model, Price(**amounts)
