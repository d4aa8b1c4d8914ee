"""Runs: what a run leaves in its folder."""

import json
from datetime import UTC, datetime

import pytest

from pytest_modeleval import Failure, Prediction, Usage, UsageError
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.runs import Run, new_run_id, read_predictions, write_whole

ANSWER = Prediction(
    output={"team": "billing", "sure": False},
    latency_s=0.25,
    cost_usd=0.01,
    usage=Usage(input_tokens=3, output_tokens=1, cached_input_tokens=2),
    model="m-2026",
    cost_source="reported",
    total_s=0.5,
    queue_s=0.0,
    n_attempts=2,
    finish_reason="stop",
)


@pytest.fixture
def run(tmp_path):
    """A run in a folder that does not exist yet, with one secret in the environment."""
    run = Run(tmp_path / "runs" / "r1", Redactor({"SOME_API_KEY": "hunter2-hunter2"}))
    yield run
    run.close()


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def fields_of(answer):
    return {name: getattr(answer, name) for name in type(answer).__slots__}


def test_ids_sort_by_time():
    """A later run has the greater id, and two of one second differ."""
    earlier = new_run_id(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    later = new_run_id(datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))

    assert earlier.startswith("20260102-030405-")
    assert earlier < later
    assert len({new_run_id() for _ in range(5)}) > 1


def test_create(run):
    """The folder is made with all above it, and the manifest says its version."""
    run.create({"id": "r1"})

    assert read(run.folder / "run.json") == {"format_version": 1, "id": "r1"}
    assert [path.name for path in run.folder.iterdir()] == ["run.json"]


def test_a_folder_that_cannot_be_made(tmp_path):
    """A file in the way is a usage error that names setting, place and way out."""
    (tmp_path / "runs").write_text("")
    run = Run(tmp_path / "runs" / "r1", Redactor({}))

    with pytest.raises(UsageError) as caught:
        run.create({})

    assert str(caught.value).startswith(f"model_eval_store: can't write {run.folder}: ")
    assert "--model-eval-store=DIR" in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        Prediction(output="a"),
        Prediction(output=0),
        Prediction(output=""),
        Prediction(output=False),
        Failure(kind="timeout", message="no answer within 1 s", latency_s=1.0, n_attempts=1),
        Failure(kind="bad_request", message="answered 401", total_s=0.1, cost_usd=0.0),
    ],
)
def test_answers_come_back_as_they_were(run, answer):
    """A prediction or a failure is read back equal in every field, clocks and all."""
    run.create({})

    run.keep_predictions([("test_a[1]", "openai:m", answer)])

    (back,) = read_predictions(run.folder).values()
    assert type(back) is type(answer)
    assert fields_of(back) == fields_of(answer)


def test_answers_by_key(run):
    """Each key has its answer; of several to one key the last counts."""
    run.create({})

    for key, output in [("a", "old"), ("b", "b"), ("a", "new")]:
        run.keep_predictions([(key, "m", Prediction(output=output))])

    answers = read_predictions(run.folder)
    assert {key: answer.output for key, answer in answers.items()} == {"a": "new", "b": "b"}


def test_an_answer_is_on_disk_at_once(run):
    """It has been paid for: it can be read while the run goes on."""
    run.create({})

    run.keep_predictions([("a", "openai:m", Prediction(output="yes"))])

    line = read(run.folder / "predictions.jsonl")
    assert line["format_version"] == 1
    assert line["key"] == "a"
    assert line["asked_model"] == "openai:m"
    assert line["failed"] is False
    assert line["output"] == "yes"


def test_fields_of_a_later_version(run):
    """Fields that this version does not know are passed over, those of usage too."""
    run.create({})
    line = {
        "key": "a",
        "failed": False,
        "output": "yes",
        "mood": "good",
        "usage": {"input_tokens": 1, "output_tokens": 1, "audio_tokens": 1},
    }
    run.predictions.append(json.dumps(line))

    answers = read_predictions(run.folder)

    assert answers["a"].output == "yes"
    assert answers["a"].usage == Usage(input_tokens=1, output_tokens=1)


def test_no_answers(tmp_path):
    """A run that asked nothing has none."""
    assert read_predictions(tmp_path) == {}


def test_secrets_are_left_out(run):
    """Neither manifest nor answers nor summary hold the value of a secret."""
    secret = "hunter2-hunter2"
    run.create({"argv": ["--key", secret]})

    run.keep_predictions([("a", "m", Prediction(output={"said": f"it is {secret}", secret: 1}))])
    run.keep_predictions([("b", "m", Failure(kind="raised", message=f"bad key {secret}"))])
    run.write_summary({"failures": [secret]})
    run.close()

    texts = [path.read_text() for path in run.folder.iterdir()]
    assert len(texts) == 3
    assert all(secret not in text for text in texts)
    assert all("[secret SOME_API_KEY]" in text for text in texts)


def test_trouble_with_the_disk_is_remembered(run):
    """An answer that can't be written raises nothing."""
    run.keep_predictions([("a", "m", Prediction(output="yes"))])  # the folder was never made

    assert isinstance(run.predictions.trouble, OSError)
    assert run.predictions.n_lost == 1


def test_the_summary(run):
    """It is JSON a person can read, with its version first."""
    run.create({})

    run.write_summary({"accuracy": 0.5, "note": "Zürich"})

    text = (run.folder / "summary.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "format_version": 1,')
    assert "Zürich" in text
    assert read(run.folder / "summary.json")["accuracy"] == 0.5


def test_written_whole_or_not_at_all(tmp_path):
    """A file that can't be written keeps what it held, and no draft stays."""
    path = tmp_path / "summary.json"
    write_whole(path, {"n": 1})

    with pytest.raises(TypeError):
        write_whole(path, {"n": object()})
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder.json", {"n": 1})

    assert read(path)["n"] == 1
    assert sorted(item.name for item in tmp_path.iterdir()) == ["folder.json", "summary.json"]


def test_discarding_a_run_that_asked_nothing(run):
    """Its folder goes."""
    run.create({})

    run.discard()

    assert not run.folder.exists()


def test_discarding_a_run_that_holds_answers(run):
    """It stays as it is, manifest included: without it nobody knows what was asked."""
    run.create({"id": "r1"})
    run.keep_predictions([("a", "m", Prediction(output="yes"))])

    run.discard()

    assert {path.name for path in run.folder.iterdir()} == {"run.json", "predictions.jsonl"}


def test_discarding_twice(run):
    """A run without a folder is discarded already."""
    run.discard()
    run.discard()

    assert not run.folder.exists()


def test_closing_twice(run):
    """Closing a closed run is nothing."""
    run.create({})
    run.keep_predictions([("a", "m", Prediction(output="yes"))])

    run.close()
    run.close()

    assert run.predictions.trouble is None
