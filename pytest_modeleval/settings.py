"""Settings: the table of options, and the values they resolve to.

Each row is an option ``--model-eval-NAME`` and an ini key ``model_eval_NAME``; the command line
wins over the ini file, which wins over the default. Values stay text until ``resolve``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_modeleval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modeleval.core.judgements import GateMode
    from pytest_modeleval.core.thresholds import Threshold

__all__ = [
    "CONCURRENCY",
    "OPTIONS",
    "RETRIES",
    "SUITE_FILES",
    "TIMEOUT_S",
    "Option",
    "Price",
    "RateLimit",
    "Settings",
    "is_url",
    "parse_prices",
    "parse_rate_limit",
    "resolve",
    "without_password",
]

CONCURRENCY, TIMEOUT_S, RETRIES = 64, 60.0, 4
"""The defaults of these options, wherever they have to be named."""

SUITE_FILES = ("*.eval.yaml", "*.eval.yml")
"""Names of files that are suites, where nothing else is set."""

_MAX_CONCURRENCY = 1024
_TRANSPORTS = ("auto", "aiohttp", "sdk")
_GATES: tuple[GateMode, ...] = ("point", "confident-fail", "confident-pass")
_GITHUB = ("auto", "off")
_JUNIT = ("properties", "system-out")
_MAX_RETRIES = 20
_MAX_REPEATS = 1000


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
        kind="lines",
        metavar="SPEC",
        help="model of suites that name none: module:callable or openai:NAME; repeat it to compare "
        "several, the first is the reference",
    ),
    Option(
        name="judge",
        metavar="SPEC",
        help="model of judges that name none: openai:NAME or module:callable",
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
        name="repeats",
        takes_numbers=True,
        metavar="N",
        help="how often each case is asked (default: 1)",
    ),
    Option(
        name="concurrency",
        takes_numbers=True,
        metavar="N",
        help="calls in flight at once, divided among xdist workers (default: as many as help, from "
        f"8 up to {CONCURRENCY}; a number fixes it)",
    ),
    Option(
        name="rate_limit",
        kind="lines",
        takes_numbers=True,
        metavar="LIMIT",
        help="per minute and model: '500 requests', '200000 tokens', or both with a comma between; "
        "divided among xdist workers",
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
        name="max_cost",
        takes_numbers=True,
        metavar="DOLLARS",
        help="stop before a call could bring the run's cost above this, e.g. '$5'",
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
        help="price per million tokens: 'MODEL input=0.25 output=2 cached_input=0.025', or a file "
        "of such lines; repeat for several",
    ),
    Option(
        name="api_keys",
        kind="lines",
        metavar="'HOST VARIABLE'",
        help="environment variable that holds the key of a server, e.g. 'openrouter.ai "
        "OPENROUTER_API_KEY'; repeat for several",
    ),
    Option(
        name="transport",
        metavar="NAME",
        help="HTTP client of openai: models: aiohttp (extra 'fast'), sdk, or auto (default)",
    ),
    Option(
        name="gate",
        metavar="MODE",
        help="what a threshold is held against: point (the number, default), confident-fail (not "
        "met where it is on the wrong side with 95%% confidence), or confident-pass (met where it is "
        "on the right side with 95%% confidence)",
    ),
    Option(
        name="baseline",
        metavar="RUN|FILE",
        help="run to compare with: a file, or a run's id (default: evals/baseline.jsonl, if there)",
    ),
    Option(
        name="files",
        kind="lines",
        metavar="GLOB",
        help="which files are suites without Python (default: *.eval.yaml *.eval.yml)",
    ),
    Option(
        name="store",
        metavar="DIR",
        help="folder that runs are kept in (default: .modeleval, below rootdir)",
    ),
    Option(
        name="report",
        kind="lines",
        metavar="FILE",
        help="file to write a report to, in the format that its name ends in: report.html, .md, "
        ".json or .csv; repeat for several",
    ),
    Option(
        name="github",
        metavar="MODE",
        help="in GitHub Actions append the run to the summary of the job and annotate what fails: "
        "auto (default) or off",
    ),
    Option(
        name="junit",
        metavar="MODE",
        help="where --junitxml has outcome, latency and cost of a case: properties (default), or "
        "system-out for readers that hold to the schema of xunit2",
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
class RateLimit:
    """How much may be asked of one model in a minute; None for as much as it takes.

    Attributes:
        requests: Requests per minute, failed attempts included.
        tokens: Tokens per minute, of questions and answers together.
    """

    requests: float | None = None
    tokens: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run, checked; see ``OPTIONS`` for their meaning.

    Attributes:
        models: Specs of the models of suites that name none; the first is the reference.
        repeats: How often each case is asked.
        judge: Spec of the model of judges that name none, or None.
        base_url: Server of ``openai:`` models, or None for the SDK's own choice.
        thresholds: The bounds of the run.
        concurrency: The most calls in flight at once.
        is_adaptive: Fewer calls than that are in flight until it is seen that more help.
        rate_limit: What may be asked of each model in a minute.
        max_cost_usd: US dollars that the run may cost, or None.
        timeout_s: Seconds that one attempt may take.
        retries: Attempts after the first.
        max_error_rate: Share of errored cases in [0, 1] that is still met.
        max_unscored_rate: Share of unscored cases in [0, 1] that is still met.
        prices: The user's price table, by model name.
        api_keys: By host the environment variable that holds the key of a server.
        transport: HTTP client of models behind a server.
        gate: What a threshold is held against.
        baseline: File or run to compare with; None for the usual file, if it is there.
        files: Patterns of the files that are suites without Python.
        store: Folder that runs are kept in, relative to rootdir.
        reports: Files to write reports to, as the user wrote them.
        github: Whether GitHub Actions hears of the run by itself.
        junit: Where JUnit's file has what is known of a case.
    """

    models: tuple[str, ...] = ()
    repeats: int = 1
    judge: str | None = None
    base_url: str | None = None
    thresholds: tuple[Threshold, ...] = ()
    concurrency: int = CONCURRENCY
    is_adaptive: bool = True
    rate_limit: RateLimit = RateLimit()
    max_cost_usd: float | None = None
    timeout_s: float = TIMEOUT_S
    retries: int = RETRIES
    max_error_rate: float = 0.0
    max_unscored_rate: float = 0.0
    prices: Mapping[str, Price] = field(default_factory=dict)
    api_keys: Mapping[str, str] = field(default_factory=dict)
    transport: str = "auto"
    gate: GateMode = "point"
    baseline: str | None = None
    files: tuple[str, ...] = SUITE_FILES
    store: str = ".modeleval"
    reports: tuple[str, ...] = ()
    github: str = "auto"
    junit: str = "properties"

    def share(self, n_processes: int, *, concurrency: int, has_budget: bool = True) -> Settings:
        """The settings of one of several processes that share what the run may ask and spend."""
        limit, cost = self.rate_limit, self.max_cost_usd
        return replace(
            self,
            concurrency=concurrency,
            rate_limit=RateLimit(
                requests=limit.requests and limit.requests / n_processes,
                tokens=limit.tokens and limit.tokens / n_processes,
            ),
            max_cost_usd=cost and (cost / n_processes if has_budget else 0.0),
        )


def resolve(
    cli: Mapping[str, object], ini: Mapping[str, object], *, root: Path | None = None
) -> Settings:
    """The settings that the user's values stand for.

    A value is text or a list of texts, and in native TOML a number where a number is wanted. Of
    an option that takes one value and is given several times the last one holds, as elsewhere in
    pytest.

    Args:
        cli: What the command line says, by the option's name; None where it says nothing.
        ini: What the ini file says, by the option's name; None where it says nothing.
        root: The folder that a file of prices is looked for in; the current one by default.

    Raises:
        UsageError: A value is not of its kind or out of range; the message says where it stands,
            what was found, and what would do.
    """
    texts = _Texts(cli, ini)
    concurrency = texts.count("concurrency", 1, _MAX_CONCURRENCY)
    retries = texts.count("retries", 0, _MAX_RETRIES)
    return Settings(
        models=texts.models(),
        repeats=texts.count("repeats", 1, _MAX_REPEATS) or 1,
        judge=texts.text("judge"),
        base_url=texts.url("base_url"),
        thresholds=texts.thresholds(),
        concurrency=CONCURRENCY if concurrency is None else concurrency,
        is_adaptive=concurrency is None,
        rate_limit=texts.rate_limit(),
        max_cost_usd=texts.dollars("max_cost"),
        timeout_s=texts.duration("timeout", default=TIMEOUT_S),
        retries=RETRIES if retries is None else retries,
        max_error_rate=texts.rate("max_error_rate"),
        max_unscored_rate=texts.rate("max_unscored_rate"),
        prices=texts.prices(root),
        api_keys=texts.api_keys(),
        transport=texts.choice("transport", _TRANSPORTS),
        gate=texts.gate(),
        baseline=texts.text("baseline"),
        files=tuple(word for line in texts.lines("files")[0] for word in line.split())
        or SUITE_FILES,
        store=texts.text("store") or ".modeleval",
        reports=tuple(dict.fromkeys(texts.lines("report")[0])),
        github=texts.choice("github", _GITHUB),
        junit=texts.choice("junit", _JUNIT),
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
        if text is not None and not is_url(text):
            place = self.lines(name)[1]
            shown = without_password(text)
            raise UsageError(f"{place}: {shown!r} is not a URL; write http://localhost:8000/v1")
        return text

    def models(self) -> tuple[str, ...]:
        lines, place = self.lines("model")
        for index, line in enumerate(lines):
            if line in lines[:index]:
                raise UsageError(f"{place}: {line!r} is named twice")
        return tuple(lines)

    def choice(self, name: str, known: Sequence[str]) -> str:
        text, place = self.text(name), self.lines(name)[1]
        if text is not None and text not in known:
            raise UsageError(f"{place}: {text!r} is unknown; write {', '.join(known)}")
        return text or known[0]

    def gate(self) -> GateMode:
        name = self.choice("gate", _GATES)
        return next(mode for mode in _GATES if mode == name)

    def count(self, name: str, low: int, high: int) -> int | None:
        text, place = self.text(name), self.lines(name)[1]
        if text is None:
            return None
        if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            raise UsageError(f"{place}: {text!r} is not a whole number; write {low} to {high}")
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

    def dollars(self, name: str) -> float | None:
        text, place = self.text(name), self.lines(name)[1]
        if text is None:
            return None
        dollars = _amount(text)
        if dollars is None or dollars <= 0:
            raise UsageError(f"{place}: {text!r} is not an amount of dollars; write $5 or $0.50")
        return dollars

    def rate_limit(self) -> RateLimit:
        lines, place = self.lines("rate_limit")
        return parse_rate_limit(lines, where=place)

    def api_keys(self) -> dict[str, str]:
        lines, place = self.lines("api_keys")
        pairs = [_parse_api_key(line, place) for line in lines]
        hosts = [host for host, _ in pairs]
        for host in hosts:
            if hosts.count(host) > 1:
                raise UsageError(f"{place}: {host} is named twice; write one line")
        return dict(pairs)

    def thresholds(self) -> tuple[Threshold, ...]:
        from pytest_modeleval.core.thresholds import parse_threshold

        lines, place = self.lines("thresholds")
        return tuple(parse_threshold(line, where=place) for line in lines)

    def prices(self, root: Path | None) -> dict[str, Price]:
        lines, place = self.lines("prices")
        return parse_prices(lines, where=place, root=root)


def is_url(text: str) -> bool:
    """Whether it is the address of a server."""
    return re.fullmatch(r"https?://[^/\s@]+(/\S*)?", text) is not None


def without_password(url: str) -> str:
    """A URL as messages show it."""
    return re.sub(r"//[^/]*@", "//...@", url)


def parse_prices(lines: Iterable[str], *, where: str, root: Path | None = None) -> dict[str, Price]:
    """Lines such as ``gpt-5-mini input=0.25 output=2`` as a price table.

    A line of one word is the path of a file of such lines.

    Args:
        lines: The lines.
        where: Where the user wrote them.
        root: The folder that a relative path begins at; the current one by default.

    Raises:
        UsageError: A line is not a price, a file can't be read, or a model has two prices.
    """
    prices: dict[str, Price] = {}
    for line, place in _with_files(lines, where, root):
        model, price = _parse_price(line, f"{place}: {line!r}")
        if model in prices:
            raise UsageError(f"{place}: {line!r}: {model} has a price already; write one line")
        prices[model] = price
    return prices


def parse_rate_limit(lines: Iterable[str], *, where: str) -> RateLimit:
    """``500 requests, 200000 tokens`` as a rate limit; a bare number counts requests.

    Raises:
        UsageError: A part is not a limit, or a thing has two.
    """
    found: dict[str, float] = {}
    for part in (part.strip() for line in lines for part in line.split(",")):
        match = re.fullmatch(
            r"(\d{1,12}(?:\.\d+)?)\s*([kM]?)\s*(requests?|tokens?)?(\s*(/|per)\s*min(ute)?)?", part
        )
        if match is None or float(match[1]) <= 0:
            raise UsageError(
                f"{where}: {part!r} is not a limit per minute; write '500 requests' or "
                "'500 requests, 200000 tokens'"
            )
        thing = (match[3] or "requests").rstrip("s") + "s"
        if thing in found:
            raise UsageError(f"{where}: there are two limits on {thing}")
        found[thing] = float(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]]
    return RateLimit(**found)


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


def _amount(text: str) -> float | None:
    """``$0.25`` or ``0.25`` as dollars; None where it is neither."""
    number = text.removeprefix("$")
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", number, re.ASCII) or math.isinf(float(number)):
        return None
    return float(number)


def _with_files(lines: Iterable[str], where: str, root: Path | None) -> Iterator[tuple[str, str]]:
    """The lines, with those of a file in place of its path, and the place of each."""
    for line in lines:
        if len(line.split()) > 1:
            yield line, where
            continue
        path = (root or Path()) / line
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{where}: {line!r}: a price is MODEL input=DOLLARS output=DOLLARS per million "
                f"tokens, and no file of that name can be read ({reason})"
            ) from None
        for number, row in enumerate(text.splitlines(), start=1):
            if price := row.partition("#")[0].strip():
                yield price, f"{path}:{number}"


def _parse_api_key(line: str, place: str) -> tuple[str, str]:
    """``openrouter.ai OPENROUTER_API_KEY``: a host, and the variable that holds its key."""
    match = re.fullmatch(r"(?:https?://)?([^\s/]+)\S*\s+([A-Z][A-Z0-9_]*|none)", line)
    if match is None:
        # What stands there may be the key itself, so it is not repeated. Some keys would do for
        # a name, but for their small letters.
        raise UsageError(
            f"{place}: a line names a host and the environment variable that holds its key, in "
            "capitals: openrouter.ai OPENROUTER_API_KEY (never the key itself)"
        )
    return match[1].lower(), match[2]


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
        amount = _amount(text)
        if amount is None:
            raise UsageError(f"{place}: {text!r} is not a price in dollars per million tokens")
        amounts[key] = amount
    if not {"input", "output"} <= set(amounts):
        raise UsageError(
            f"{place}: a price is MODEL input=DOLLARS output=DOLLARS per million tokens"
        )
    return model, Price(**amounts)
