"""Settings: which source wins, what each value may be, and how a wrong one is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.errors import UsageError
from pytest_modeleval.settings import OPTIONS, Price, Settings, resolve


def refusal(cli=(), ini=()):
    """The message with which settings are refused."""
    with pytest.raises(UsageError) as caught:
        resolve(dict(cli), dict(ini))
    return str(caught.value)


def settings_or_message(ini):
    """The settings, or the message with which they are refused."""
    try:
        return resolve({}, ini)
    except UsageError as error:
        return str(error)


def test_nothing_set_gives_the_defaults():
    """A project without any setting runs with what the table says."""
    assert resolve({}, {}) == Settings()


def test_an_option_and_its_ini_key_have_the_same_name():
    """``--model-eval-max-error-rate`` and ``model_eval_max_error_rate`` are one setting."""
    names = {option.name: (option.flag, option.key) for option in OPTIONS}

    assert names["max_error_rate"] == ("--model-eval-max-error-rate", "model_eval_max_error_rate")


def test_every_setting_has_its_option():
    """No field of the settings is out of reach of a user."""
    fields = {re.sub("_(s|usd)$", "", name) for name in Settings.__slots__} - {"is_adaptive"}
    fields = {{"models": "model", "reports": "report"}.get(name, name) for name in fields}

    assert {option.name for option in OPTIONS} == fields


def test_the_command_line_wins_over_the_ini_file():
    """A value on the command line replaces the ini file's."""
    assert resolve({"concurrency": ["4"]}, {"concurrency": "8"}).concurrency == 4


def test_the_ini_file_wins_over_the_default():
    """Where the command line says nothing, the ini file holds."""
    assert resolve({"concurrency": None}, {"concurrency": "8"}).concurrency == 8


def test_thresholds_of_the_command_line_replace_those_of_the_ini_file():
    """Lines are replaced as a whole, not mixed."""
    settings = resolve(
        {"thresholds": ["accuracy >= 80%"]}, {"thresholds": ["accuracy >= 90%", "avg_cost <= $1"]}
    )

    assert [item.text for item in settings.thresholds] == ["accuracy >= 80%"]


def test_empty_lines_are_no_values():
    """An ini key whose list begins on the next line has no first value."""
    settings = resolve({}, {"thresholds": ["", "accuracy >= 80%", "  "], "model": ""})

    assert len(settings.thresholds) == 1
    assert settings.models == ()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("model", "router:predict", "models", ("router:predict",)),
        ("base_url", "http://localhost:8000/v1", "base_url", "http://localhost:8000/v1"),
        ("concurrency", "1", "concurrency", 1),
        ("concurrency", "1024", "concurrency", 1024),
        ("timeout", "800ms", "timeout_s", 0.8),
        ("timeout", "2m", "timeout_s", 120.0),
        ("retries", "0", "retries", 0),
        ("max_error_rate", "5%", "max_error_rate", 0.05),
        ("max_unscored_rate", "0.1", "max_unscored_rate", 0.1),
        ("store", "out/evals", "store", "out/evals"),
    ],
)
def test_a_value_is_read_as_its_kind(name, text, field, value):
    """Texts become numbers, seconds and rates once, here."""
    assert getattr(resolve({}, {name: text}), field) == value


@pytest.mark.parametrize(
    ("line", "price"),
    [
        ("gpt-5-mini input=0.25 output=2", Price(input=0.25, output=2.0)),
        (
            "gpt-5-mini input=$0.25 output=$2 cached_input=.025",
            Price(input=0.25, output=2.0, cached_input=0.025),
        ),
    ],
)
def test_a_price_is_dollars_per_million_tokens(line, price):
    """The price table has a row for each model."""
    assert resolve({}, {"prices": [line]}).prices == {"gpt-5-mini": price}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("concurrency", "many", "'many' is not a whole number; write 1 to 1024"),
        ("concurrency", "2.5", "'2.5' is not a whole number; write 1 to 1024"),
        ("concurrency", "0", "0 is out of range; write 1 to 1024"),
        ("concurrency", "1025", "1025 is out of range; write 1 to 1024"),
        ("concurrency", "9" * 5000, f"{'9' * 5000} is out of range; write 1 to 1024"),
        ("retries", "-1", "-1 is out of range; write 0 to 20"),
        ("retries", "some", "'some' is not a whole number; write 0 to 20"),
        ("timeout", "60", "'60': a time needs its unit; write 60ms or 60s"),
        ("timeout", "soon", "'soon': 'soon' is not a time; write 800ms or 1.5s"),
        ("timeout", "0s", "'0s': a time is more than 0"),
        (
            "max_error_rate",
            "5",
            "'5': a rate is between 0 and 1; for 5 percent write 5% or 0.05",
        ),
        ("max_error_rate", "few", "'few': 'few' is not a rate; write 90% or 0.9"),
        (
            "max_unscored_rate",
            "200%",
            "'200%': a rate is between 0% and 100%, that is 0 and 1",
        ),
        (
            "base_url",
            "localhost:8000",
            "'localhost:8000' is not a URL; write http://localhost:8000/v1",
        ),
        (
            "base_url",
            "http://me:pass@host/v1",
            "'http://...@host/v1' is not a URL; write http://localhost:8000/v1",
        ),
        ("base_url", "http://", "'http://' is not a URL; write http://localhost:8000/v1"),
    ],
    ids=lambda value: value if len(value) < 30 else "long",
)
def test_a_wrong_value_says_where_and_what_would_do(name, text, message):
    """The message begins with the ini key, or with the option where that holds the value."""
    flag = "--model-eval-" + name.replace("_", "-")

    assert refusal(ini={name: text}) == f"model_eval_{name}: {message}"
    assert refusal(cli={name: [text]}) == f"{flag}: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "gpt-5-mini inptu=1 output=2",
            "unknown price 'inptu'; known are input, output, cached_input",
        ),
        ("gpt-5-mini input=free output=2", "'free' is not a price in dollars per million tokens"),
        ("gpt-5-mini input= output=2", "'' is not a price in dollars per million tokens"),
        ("gpt-5-mini input=-1 output=2", "'-1' is not a price in dollars per million tokens"),
        (
            "gpt-5-mini input=1",
            "a price is MODEL input=DOLLARS output=DOLLARS per million tokens",
        ),
        (
            "input=1 output=2",
            "a price is MODEL input=DOLLARS output=DOLLARS per million tokens",
        ),
    ],
)
def test_a_price_that_is_none_says_what_would_be(line, message):
    """A price is never guessed, so half a price is refused."""
    assert refusal(ini={"prices": [line]}) == f"model_eval_prices: {line!r}: {message}"


def test_a_threshold_is_refused_with_the_place_it_stands_at():
    """The thresholds of both sources are told apart."""
    lines = ["accuracy >= 90"]
    rest = "'accuracy >= 90': a rate is between 0 and 1; for ninety percent write 90% or 0.9"

    assert refusal(ini={"thresholds": lines}) == f"model_eval_thresholds: {rest}"
    assert refusal(cli={"thresholds": lines}) == f"--model-eval-thresholds: {rest}"


def test_of_an_option_given_twice_the_last_one_holds():
    """As everywhere in pytest: a wrapper script sets one, and the caller overrides it."""
    assert resolve({"store": ["first", "second"]}, {}).store == "second"


def test_several_models():
    """Those of the command line replace those of the ini file, in their order."""
    assert resolve({"model": ["a:b", "c:d"]}, {"model": "e:f"}).models == ("a:b", "c:d")
    assert "'a:b' is named twice" in refusal(ini={"model": ["a:b", "a:b"]})


@pytest.mark.parametrize(
    ("name", "texts"), [("thresholds", [""]), ("thresholds", ["", " "]), ("store", ["a", ""])]
)
def test_an_empty_value_on_the_command_line_is_refused(name, texts):
    """An unset variable of a CI script does not turn the gate off."""
    metavar = {"thresholds": "THRESHOLD", "store": "DIR"}[name]

    assert refusal(cli={name: texts}) == (
        f"--model-eval-{name}: the value is empty; write {metavar}, or leave the option out"
    )


@pytest.mark.parametrize(
    ("name", "value", "field", "result"),
    [
        ("concurrency", 2, "concurrency", 2),
        ("retries", 0, "retries", 0),
        ("max_error_rate", 0.25, "max_error_rate", 0.25),
        ("max_error_rate", 1, "max_error_rate", 1.0),
        ("max_unscored_rate", 1e-05, "max_unscored_rate", 1e-05),
        ("model", "a:b", "models", ("a:b",)),
        ("model", ["a:b"], "models", ("a:b",)),
    ],
)
def test_native_toml_gives_a_number_where_one_is_wanted(name, value, field, result):
    """``model_eval_concurrency = 2`` needs no quotes in ``[tool.pytest]``."""
    assert getattr(resolve({}, {name: value}), field) == result


def test_one_text_is_a_list_of_one_line():
    """``model_eval_thresholds = "accuracy >= 90%"`` needs no brackets."""
    (threshold,) = resolve({}, {"thresholds": "accuracy >= 90%"}).thresholds

    assert threshold.bound == 0.9


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("concurrency", True, "true is not a number"),
        ("concurrency", 2.5, "'2.5' is not a whole number; write 1 to 1024"),
        ("concurrency", {"a": 1}, "{'a': 1} is not a number"),
        ("retries", False, "false is not a number"),
        ("max_error_rate", True, "true is not a number"),
        ("max_error_rate", float("nan"), "'nan': 'nan' is not a rate; write 90% or 0.9"),
        ("timeout", 60, "'60': a time needs its unit; write 60ms or 60s"),
        ("thresholds", [1], "1 is not text; write it in quotes"),
        ("thresholds", False, "false is not text; write it in quotes"),
        ("model", True, "true is not text; write it in quotes"),
        ("store", 5, "5 is not text; write it in quotes"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(name, value, message):
    """Native TOML has types, and not each is a value of each key."""
    assert refusal(ini={name: value}) == f"model_eval_{name}: {message}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["m input=1 output=2 input=3"], "'m input=1 output=2 input=3': input is given twice"),
        (
            ["m input=1 output=2", "m input=1 output=3"],
            "'m input=1 output=3': m has a price already; write one line",
        ),
    ],
)
def test_a_price_given_twice_is_refused(lines, message):
    """Neither of two prices is taken silently."""
    assert refusal(ini={"prices": lines}) == f"model_eval_prices: {message}"


def test_two_lines_in_the_ini_file_are_two_values():
    """The number in the message is that of the lines."""
    message = refusal(ini={"store": "a\nb"})

    assert message == "model_eval_store: one value is wanted, not 2: a, b"


def test_the_text_of_an_option_says_its_default():
    """What ``--help`` promises is what ``resolve`` gives."""
    texts = {option.name: option.help for option in OPTIONS}

    assert f"up to {Settings().concurrency};" in texts["concurrency"]
    assert f"(default: {Settings().timeout_s:g}s)" in texts["timeout"]
    assert f"(default: {Settings().retries})" in texts["retries"]
    assert f"(default: {Settings().store}," in texts["store"]


@given(name=st.sampled_from([option.name for option in OPTIONS]), text=st.text())
def test_any_text_is_a_setting_or_a_usage_error(name, text):
    """Whatever a value is, it is understood or refused with the place it stands at."""
    found = settings_or_message({name: text})

    assert isinstance(found, Settings) or found.startswith(f"model_eval_{name}: ")
