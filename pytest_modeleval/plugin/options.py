"""Options: the table of ``settings`` as pytest's command line and ini keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from pytest_modeleval.errors import UsageError, did_you_mean
from pytest_modeleval.settings import OPTIONS, SUITE_FILES, Option, Settings, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "add_options",
    "given_in_vain",
    "is_enabled",
    "is_suite_file",
    "place_of",
    "read_settings",
]


_ACTIONS = (
    "--model-eval-plan",
    "--model-eval-save-baseline",
    "--model-eval-force-baseline",
    "--model-eval-judge-partial",
    "--model-eval-replay",
    "--model-eval-resume",
)


_PATTERNS = pytest.StashKey[tuple[str, ...]]()


def add_options(parser: pytest.Parser) -> None:
    """Declare every option twice: on the command line, and as an ini key of the same name."""
    group = parser.getgroup("model-eval", "model evals")
    group.addoption(
        "--model-eval",
        action="store_true",
        default=False,
        help="run model evals (without it each suite is one skipped test)",
    )
    group.addoption(
        "--model-eval-judge-partial",
        action="store_true",
        default=False,
        help="judge the thresholds though -k, --lf or --deselect left cases out",
    )
    group.addoption(
        "--model-eval-plan",
        action="store_true",
        default=False,
        help="say what the run would ask, cost, take and be able to see, and ask nothing",
    )
    group.addoption(
        "--model-eval-save-baseline",
        action="store_true",
        default=False,
        help="make this run the baseline that later ones are compared with (model_eval_baseline, "
        "or evals/baseline.jsonl); refused for a run that is partial or fails",
    )
    group.addoption(
        "--model-eval-force-baseline",
        action="store_true",
        default=False,
        help="save the baseline also of a run that fails",
    )
    group.addoption(
        "--model-eval-replay",
        metavar="RUN",
        default=None,
        help="judge and score the answers of an earlier run (its id, the beginning of it, or its "
        "folder) again, and ask nothing",
    )
    group.addoption(
        "--model-eval-resume",
        metavar="RUN",
        nargs="?",
        const=True,
        default=None,
        help="go on with a run that was cut off or has cases without an answer (the newest such "
        "one by default): keep its answers, and ask only what is missing",
    )
    for option in OPTIONS:
        group.addoption(
            option.flag,
            action="append",
            metavar=option.metavar,
            dest=option.key,
            default=None,
            help=option.help,
        )
        kind: Literal["linelist", "string"] = "linelist" if option.kind == "lines" else "string"
        parser.addini(option.key, help=option.help.replace("%%", "%"), type=kind, default=None)


def is_enabled(config: pytest.Config) -> bool:
    """Whether this session runs evals."""
    return bool(config.getoption("--model-eval", False))


def given_in_vain(config: pytest.Config) -> str | None:
    """An action of ours that is asked for in a session without evals; None for none."""
    return next((name for name in _ACTIONS if config.getoption(name) not in (None, False)), None)


def read_settings(config: pytest.Config) -> Settings:
    """The settings of this session.

    Raises:
        UsageError: A value is not what its option wants.
    """
    known = [option.key for option in OPTIONS]
    for key in _ini_table(config):
        if key.startswith("model_eval_") and key not in known:
            # pytest only warns, and a bound that is misspelt would be no bound.
            hint = did_you_mean(key, known)
            raise UsageError(f"{key}: there is no such setting{hint}")
    cli = {option.name: config.getoption(option.key) for option in OPTIONS}
    ini = {option.name: _ini_value(config, option) for option in OPTIONS}
    return resolve(cli, ini, root=config.rootpath)


def is_suite_file(config: pytest.Config, path: Path) -> bool:
    """Whether a file is a suite without Python.

    Asked for every file in every session, so what the settings say is read once. Values that are
    no text are refused where settings are.
    """
    patterns = config.stash.get(_PATTERNS, None)
    if patterns is None:
        option = next(row for row in OPTIONS if row.name == "files")
        given = config.getoption(option.key) or _ini_value(config, option) or ()
        lines = given if isinstance(given, list | tuple) else [given]
        words = [word for line in lines if isinstance(line, str) for word in line.split()]
        patterns = config.stash[_PATTERNS] = tuple(words) or SUITE_FILES
    return any(path.match(pattern) for pattern in patterns)


def place_of(config: pytest.Config, name: str) -> str:
    """Where a setting stands: the option where the command line gives it, else the ini key."""
    option = next(row for row in OPTIONS if row.name == name)
    return option.flag if config.getoption(option.key) is not None else option.key


def _ini_value(config: pytest.Config, option: Option) -> object:
    """The value in the ini file as it stands there.

    pytest refuses a number in ``[tool.pytest]`` where a text is declared; our own parser takes
    both, and says the same of a wrong value wherever it stands.
    """
    try:
        return config.getini(option.key)
    except (TypeError, pytest.UsageError):
        raw = _ini_table(config).get(option.key)
        return getattr(raw, "value", raw)


def _ini_table(config: pytest.Config) -> Mapping[str, object]:
    """What the ini file holds, by key; pytest 9.2 has it under a private name alone."""
    table: Mapping[str, object] | None = getattr(config, "_inicfg", None)
    return table if table is not None else getattr(config, "inicfg", {})
