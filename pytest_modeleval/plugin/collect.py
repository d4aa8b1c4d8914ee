"""Collection: the marker ``model_eval`` becomes a suite, and its test an item for each case."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_modeleval.core.cases import CASE_FIELDS, Case, content_hash, count_tags
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.keys import parameters_hash
from pytest_modeleval.core.thresholds import POOLED, Threshold, parse_threshold
from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.plugin.extensions import added_cases, added_scorer
from pytest_modeleval.plugin.state import EVALS
from pytest_modeleval.settings import Settings
from pytest_modeleval.store.shards import name_of_item
from pytest_modeleval.suites.files import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_modeleval.plugin.scorings import Rules
    from pytest_modeleval.plugin.state import Evals
    from pytest_modeleval.scorers import Scorer
    from pytest_modeleval.suites import Dataset

__all__ = [
    "EvalItem",
    "Marker",
    "Suite",
    "add_suite",
    "contents_of",
    "covered",
    "datasets_of",
    "eval_item",
    "left_out",
    "load_suite",
    "made_scorers",
    "make_suite",
    "parametrize",
    "read_marker",
]

_COLUMNS = tuple(name for name in CASE_FIELDS if name != "metadata")
_ARGUMENTS = (
    *("name", "model", "system", "parameters", "repeats", "thresholds", "scorers"),
    *_COLUMNS,
)
_MAX_REPEATS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What ``@pytest.mark.model_eval(CASES, ...)`` says.

    Attributes:
        cases: Path of a dataset, a list of cases, or a callable that gives one.
        name: Name of the suite; None for the test's own.
        model: Spec of the model, the model itself, or a list of several; None for the setting's.
        system: Instructions that come before every case; None for none.
        parameters: What else each request to a server says, by the API's names.
        repeats: How often each case is asked; None for as often as the settings say.
        thresholds: Lines of the grammar that hold for this suite alone.
        scorers: What scores each prediction beside the test, as a suite names scorers.
        columns: For a field of a case the column of the dataset that holds it.
    """

    cases: Any
    name: str | None = None
    model: Any = None
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    repeats: int | None = None
    thresholds: tuple[str, ...] = ()
    scorers: tuple[Any, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A marked test, or a suite's file, with its cases.

    Attributes:
        name: Name in thresholds and reports.
        nodeid: pytest's name of the test function, or of the file.
        cases: The cases of the dataset.
        asks: What is asked, an item each: each case of each model, as often as wanted.
        by_object: The same by the id of the case's object, of which each has its own.
        models: Specs of the models or the models themselves; None where nothing names one.
        system: Instructions that come before every case; None for none.
        parameters: What else each request to a server says, by the API's names.
        parameters_hash: Hash of these two, by which answers are told apart.
        thresholds: Thresholds of the marker.
        governing: Thresholds that judge its wrong answers, so that one alone fails nothing.
        scorers: What scores each prediction, in Python suites beside the test.
        datasets: Paths of the files that the cases come from, each with twelve digits of its
            SHA-256.
        model_where: Where it names its models; messages about them begin with that.
        asked_where: Where it says how they are asked.
        questions: What each case asks, by id, where that is not its input.
        rules: What single cases are scored by, and what their scores decide; None where the test
            decides.
    """

    name: str
    nodeid: str
    cases: Sequence[Case]
    datasets: tuple[tuple[str, str], ...]
    asks: Sequence[Asking]
    by_object: Mapping[int, Asking]
    models: tuple[Any, ...]
    system: str | None
    parameters: Mapping[str, Any]
    parameters_hash: str
    thresholds: tuple[Threshold, ...]
    governing: tuple[Threshold, ...]
    scorers: tuple[Scorer, ...]
    model_where: str
    asked_where: str
    questions: Mapping[str, Any]
    rules: Rules | None


@dataclass(frozen=True, slots=True)
class Asking:
    """One case to be asked of one model once.

    Attributes:
        case: The case.
        model: Index of the model in its suite.
        repeat: Index of the repeat, from 0.
        suffix: What the item's id has behind the case's.
    """

    case: Case
    model: int
    repeat: int
    suffix: str

    @property
    def id(self) -> str:
        """The id of the item's parameter."""
        return self.case.id + self.suffix


@dataclass(frozen=True, slots=True)
class EvalItem:
    """What an item of a suite is to us.

    Attributes:
        suite: Its suite.
        asking: Its case, model and repeat.
        variant: Id of the item's other parameters, "" where it has none.
        nodeid: pytest's name of it, as it was collected.
        fixtures: Names of the fixtures that it asks for.
    """

    suite: Suite
    asking: Asking
    variant: str
    nodeid: str
    fixtures: Collection[str]

    @property
    def asks_ahead(self) -> bool:
        """Whether its case is asked ahead of its test, which uses the answer."""
        return "prediction" in self.fixtures

    @property
    def question(self) -> Any:
        """What its case asks of the model."""
        case = self.asking.case
        return self.suite.questions.get(case.id, case.input)

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """What scores its answer."""
        rules = self.suite.rules
        own = rules.case_scorers.get(self.asking.case.id) if rules is not None else None
        return self.suite.scorers if own is None else own

    @property
    def case(self) -> Case:
        """Its case."""
        return self.asking.case

    @property
    def model(self) -> Any:
        """Spec of its model or the model itself; None where nothing names one."""
        return self.suite.models[self.asking.model]

    @property
    def is_governed(self) -> bool:
        """Whether a threshold counts this case, so that a wrong answer to it alone fails nothing."""
        for threshold in self.suite.governing:
            if threshold.tag is None or threshold.tag in self.asking.case.tags:
                return True
        return False


def parametrize(metafunc: pytest.Metafunc, mark: pytest.Mark) -> None:
    """Give a marked test its cases; trouble with them is a collection error of one sentence."""
    definition = metafunc.definition
    if "case" not in metafunc.fixturenames:
        _refuse(f"{definition.nodeid}: a model_eval test takes case, prediction or model_eval")
    nodes = [node for node, _ in definition.iter_markers_with_node("model_eval")]
    if nodes.count(nodes[0]) > 1:
        _refuse(f"{definition.nodeid}: two model_eval marks; write a test for each dataset")
    evals = metafunc.config.stash.get(EVALS, None)
    try:
        suite = load_suite(
            definition,
            mark,
            evals.settings if evals else Settings(),
            has_baseline=evals is not None and evals.has_baseline,
            asks_model=_asks_suite_model(metafunc),
        )
    except UsageError as error:
        _refuse(
            f"{definition.nodeid}: {error}" if str(error).startswith("model_eval:") else str(error)
        )
    if suite.scorers and "prediction" not in metafunc.fixturenames:
        _refuse(f"{definition.nodeid}: scorers score the prediction, so the test has to take it")
    if evals is not None:
        try:
            add_suite(evals, suite)
        except UsageError as error:
            _refuse(str(error))
    metafunc.parametrize(
        "case", [ask.case for ask in suite.asks], ids=[ask.id for ask in suite.asks]
    )


def add_suite(evals: Evals, suite: Suite) -> None:
    """Add a suite to those of the session.

    Raises:
        UsageError: Another one has its name.
    """
    for other in evals.suites.values():
        if other.name == suite.name and other.nodeid != suite.nodeid:
            how = "model_eval(..., name=...)" if suite.rules is None else "the key 'name'"
            raise UsageError(
                f"{suite.nodeid}: {other.nodeid} is a suite named {suite.name!r} too; give "
                f"one of them another with {how}"
            )
    evals.suites[suite.nodeid] = suite


def read_marker(mark: pytest.Mark) -> Marker:
    """The marker's arguments, checked.

    Raises:
        UsageError: An argument is missing, unknown or of the wrong kind.
    """
    unknown = [name for name in mark.kwargs if name not in (*_ARGUMENTS, "cases")]
    if unknown:
        hint = did_you_mean(unknown[0], _ARGUMENTS)
        raise UsageError(f"model_eval: unknown argument {unknown[0]!r}{hint}")
    given = [*mark.args, *([mark.kwargs["cases"]] if "cases" in mark.kwargs else [])]
    if len(given) != 1:
        raise UsageError(
            "model_eval: one dataset is wanted: a path, a list of cases, or a callable; "
            f"found {len(given)}"
        )
    name, thresholds = mark.kwargs.get("name"), mark.kwargs.get("thresholds", ())
    if name is not None and not (
        isinstance(name, str) and name.strip() and not set(name) & set("[]:")
    ):
        raise UsageError(f"model_eval: name is text without [, ] and :, not {name!r}")
    if isinstance(thresholds, str):
        thresholds = (thresholds,)
    if not isinstance(thresholds, list | tuple) or not all(
        isinstance(line, str) for line in thresholds
    ):
        raise UsageError(f"model_eval: thresholds is a list of texts, not {thresholds!r}")
    columns = {key: mark.kwargs[key] for key in _COLUMNS if key in mark.kwargs}
    for key, column in columns.items():
        if not isinstance(column, str) or not column:
            raise UsageError(f"model_eval: {key} names a column, not {column!r}")
    return Marker(
        cases=given[0],
        name=name,
        model=mark.kwargs.get("model"),
        system=_system(mark.kwargs.get("system")),
        parameters=_parameters(mark.kwargs.get("parameters")),
        repeats=_repeats(mark.kwargs.get("repeats")),
        thresholds=tuple(thresholds),
        scorers=_scorers(mark.kwargs.get("scorers")),
        columns=columns,
    )


def load_suite(
    definition: pytest.Function,
    mark: pytest.Mark,
    settings: Settings,
    *,
    has_baseline: bool,
    asks_model: bool = True,
) -> Suite:
    """The suite of a marked test function, its cases loaded.

    Args:
        definition: The test function.
        mark: Its marker.
        settings: For the model, and for thresholds on the suite.
        has_baseline: A threshold on a regression judges something.
        asks_model: The test asks the model that its suite names, so that several make sense.

    Raises:
        UsageError: The marker or its dataset can't be used.
    """
    from pytest_modeleval.suites import load_dataset

    marker = read_marker(mark)
    root = definition.config.rootpath
    folders = [definition.path.parent, root]
    scorers = made_scorers(
        marker.scorers, f"{definition.nodeid}: scorers", folders, definition.config
    )
    dataset = load_dataset(
        added_cases(definition.config, marker.cases, folders),
        folders=folders,
        columns=marker.columns or None,
        shown_from=root,
    )
    if scorers:
        from pytest_modeleval.scorers import check_cases

        check_cases(scorers, dataset.cases)
    return make_suite(
        settings,
        name=marker.name or _default_name(definition),
        nodeid=definition.nodeid,
        cases=dataset.cases,
        datasets=_path_and_digest(dataset),
        named_models=marker.model,
        repeats=marker.repeats,
        thresholds=[(line, f"{definition.nodeid}: thresholds") for line in marker.thresholds],
        has_baseline=has_baseline,
        asks_model=asks_model,
        system=marker.system,
        parameters=marker.parameters,
        scorers=scorers,
        model_where=definition.nodeid,
        asked_where=definition.nodeid,
    )


def make_suite(
    settings: Settings,
    *,
    name: str,
    cases: Sequence[Case],
    named_models: Any,
    repeats: int | None,
    thresholds: Iterable[tuple[str, str]],
    has_baseline: bool,
    system: str | None,
    parameters: Mapping[str, Any],
    asks_model: bool = True,
    questions: Mapping[str, Any] | None = None,
    rules: Rules | None = None,
    **known: Any,
) -> Suite:
    """A suite of these cases, with what the settings say of every suite.

    Args:
        settings: For the model, the repeats, and for thresholds on the suite.
        name: Its name.
        cases: Its cases.
        named_models: Spec of its model, the model itself, or several; None for the settings'.
        repeats: How often each case is asked; None for as often as the settings say.
        thresholds: Its own, each with its place.
        has_baseline: A threshold on a regression judges something.
        system: Instructions that come before every case; None for none.
        parameters: What else each request to a server says, by the API's names.
        asks_model: It asks the model that it names, so that several make sense.
        questions: What each case asks, by id, where that is not its input.
        rules: What single cases are scored by; None where a test decides.
        known: Further fields of ``Suite``.

    Raises:
        UsageError: A threshold is wrong.
    """
    if name == POOLED:
        raise UsageError(
            f"a suite can't be named {POOLED!r}, which stands for all suites together in thresholds; "
            "give it another name"
        )
    own = tuple(_own_threshold(line, name, where) for line, where in thresholds)
    named = named_models if named_models is not None else settings.models
    models = tuple(named) if isinstance(named, list | tuple) else (named,)
    models = models[: None if asks_model else 1] or (None,)
    asks = _asks(cases, models, repeats or settings.repeats)
    holding = [item for item in settings.thresholds if item.suite in (None, "all", name)]
    return Suite(
        name=name,
        cases=cases,
        asks=asks,
        by_object={id(ask.case): ask for ask in asks},
        models=models,
        system=system,
        parameters=parameters,
        parameters_hash=parameters_hash(system, parameters),
        thresholds=own,
        governing=tuple(
            item
            for item in (*own, *holding)
            if item.judges_answers and (has_baseline or not item.is_regression)
        ),
        questions=questions or {},
        rules=rules,
        **known,
    )


def eval_item(item: pytest.Item, suites: Mapping[str, Suite]) -> EvalItem | None:
    """What this item is to us, or None where it belongs to no suite."""
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec is not None else None
    if callspec is None or not isinstance(case, Case) or item.parent is None:
        return None
    suite = suites.get(f"{item.parent.nodeid}::{getattr(item, 'originalname', '')}")
    if suite is None:
        return None
    asking = suite.by_object[id(case)]
    variant = ""
    if len(callspec.params) > 1:
        # The case is the first parameter, so what follows its id is the others'.
        escaped = asking.id.encode("unicode_escape").decode("ascii")
        shown = asking.id if callspec.id.startswith(asking.id) else escaped
        variant = callspec.id.removeprefix(shown).removeprefix("-")
    return EvalItem(suite, asking, variant, item.nodeid, item.fixturenames)  # type: ignore[attr-defined]


def covered(collected: Iterable[EvalItem], selected: Iterable[EvalItem]) -> list[Coverage]:
    """How much of each suite is meant to run.

    Args:
        collected: Every item of a suite, before anything was deselected.
        selected: Those left to run.
    """
    variants: dict[tuple[str, str], tuple[Suite, list[EvalItem]]] = {}
    for item in collected:
        variants.setdefault((item.suite.name, item.variant), (item.suite, []))
    for item in selected:
        variants[item.suite.name, item.variant][1].append(item)
    coverages = []
    for (name, variant), (suite, items) in variants.items():
        totals = count_tags(ask.case for ask in suite.asks)
        chosen = count_tags(item.case for item in items)
        coverages.append(
            Coverage(
                suite=name,
                variant=variant,
                n_total=len(suite.asks),
                n_models=len(suite.models),
                n_repeats=len(suite.asks) // max(len(suite.models) * len(suite.cases), 1),
                n_selected=len(items),
                tags={tag: (n, chosen[tag]) for tag, n in totals.items()},
                thresholds=suite.thresholds,
            )
        )
    return coverages


def datasets_of(suites: Iterable[Suite]) -> dict[str, str]:
    """For each dataset file of these suites twelve digits of its SHA-256."""
    return dict(sorted(dataset for suite in suites for dataset in suite.datasets))


def contents_of(suite: Suite) -> dict[str, Any]:
    """What workers have to agree on: the content of each case by its id, and how it is asked."""
    models = [model if isinstance(model, str) else type(model).__name__ for model in suite.models]
    asked = [models, suite.system, suite.parameters]
    return {
        "cases": {
            case.id: f"{content_hash(suite.questions.get(case.id, case.input), case.expected)} "
            f"{case.tags} {case.cluster}"
            for case in suite.cases
        },
        "asked": json.dumps(asked, sort_keys=True, default=lambda value: type(value).__name__),
    }


def left_out(collected: Iterable[EvalItem], selected: Iterable[EvalItem]) -> dict[str, list[str]]:
    """For each suite the names of the items that were collected and will not run."""
    chosen = {id(item) for item in selected}
    names: dict[str, list[str]] = {}
    for item in collected:
        if id(item) not in chosen:
            names.setdefault(item.suite.name, []).append(name_of_item(item.nodeid))
    return names


def _asks(cases: Sequence[Case], models: Sequence[Any], repeats: int) -> list[Asking]:
    """Each case of each model, as often as wanted: all cases once before any is asked again."""
    names = [_model_suffix(model, models) for model in models]
    if repeats == 1 and len(models) == 1:
        return [Asking(case, 0, 0, "") for case in cases]
    return [
        Asking(copy(case), index, repeat, name + (f"#{repeat + 1}" if repeats > 1 else ""))
        for repeat in range(repeats)
        for index, name in enumerate(names)
        for case in cases
    ]


def _model_suffix(model: Any, models: Sequence[Any]) -> str:
    """What tells the items of one model from those of the others."""
    if len(models) == 1:
        return ""
    own = getattr(model, "name", None) or getattr(model, "__qualname__", type(model).__name__)
    return f"-{model if isinstance(model, str) else own}"


def _asks_suite_model(metafunc: pytest.Metafunc) -> bool:
    """Whether the test asks the model that its suite names, and not an overridden fixture's."""
    if "model" not in metafunc.fixturenames:
        return False
    found = getattr(metafunc, "_arg2fixturedefs", {}).get("model", ())
    return not found or found[-1].func.__module__.startswith("pytest_modeleval.")


def _repeats(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_count and 1 <= value <= _MAX_REPEATS):
        raise UsageError(
            f"model_eval: repeats is a whole number from 1 to {_MAX_REPEATS}, not {value!r}"
        )
    return int(value) if value is not None else None


def _system(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise UsageError(f"model_eval: system is text, not {value!r}")
    return value


def _parameters(value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise UsageError(f"model_eval: parameters is a dictionary, not {value!r}")
    return value or {}


def _scorers(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        if not value:
            raise UsageError("model_eval: scorers is empty; name one, such as exact")
        return tuple(value)
    return (value,)


def made_scorers(
    specs: Sequence[Any],
    where: str,
    folders: Sequence[Path],
    config: pytest.Config,
    *,
    places: Sequence[str] = (),
) -> tuple[Scorer, ...]:
    """The scorers that a suite names.

    Args:
        specs: As the user wrote them.
        where: Where; messages begin with it.
        folders: Where their files and modules are looked for.
        config: The session's, whose plugins may bring scorers of their own.
        places: Where each of them is written, if that is more exact.

    Raises:
        UsageError: There is no such scorer, or two have one name.
    """
    if not specs:
        return ()
    from pytest_modeleval.scorers import make_scorers

    given = [
        added_scorer(config, _with_golden(spec, folders, place), where=place)
        for spec, place in zip(specs, places or [where] * len(specs), strict=True)
    ]
    return make_scorers(given, where=where, folders=folders, places=places)


def _with_golden(spec: Any, folders: Sequence[Path], where: str) -> Any:
    """A scorer's spec with its golden answers, where it names a file of them.

    Raises:
        UsageError: The file can't be read.
    """
    from pytest_modeleval.suites import load_dataset

    given = next(iter(spec.values())) if isinstance(spec, dict) and len(spec) == 1 else None
    if not isinstance(given, dict) or not isinstance(given.get("golden"), str):
        return spec
    try:
        cases = load_dataset(given["golden"], folders=folders).cases
    except UsageError as error:
        raise UsageError(f"{where}: golden: {error}") from None
    rows = [
        {"input": case.input, "expected": case.expected, "name": case.id, **case.metadata}
        for case in cases
    ]
    return {next(iter(spec)): {**given, "golden": rows}}


def _refuse(message: str) -> NoReturn:
    raise pytest.Collector.CollectError(message)


def _path_and_digest(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """The dataset as it is shown, and what its files hold in twelve digits."""
    digits = digest(dataset.files)
    return () if dataset.shown is None or digits is None else ((dataset.shown, digits),)


def _default_name(definition: pytest.Function) -> str:
    """The test's own name, with its class where it has one."""
    name: str = getattr(definition, "originalname", None) or definition.name
    owner = definition.getparent(pytest.Class)
    return f"{owner.name}.{name}" if owner is not None else name


def _own_threshold(line: str, suite: str, where: str) -> Threshold:
    """A threshold of the suite's own; it holds for that suite and can name no other."""
    parsed = parse_threshold(line, where=where)
    if parsed.suite not in (None, suite):
        raise UsageError(
            f"{where}: {line!r}: a suite's own threshold holds for its own suite; leave out "
            f"{parsed.suite!r}, or write the line into model_eval_thresholds"
        )
    values: dict[str, Any] = {name: getattr(parsed, name) for name in parsed.__slots__}
    return Threshold(**(values | {"suite": suite}))
