"""Runs: what a run leaves in its folder."""

import json
from datetime import UTC, datetime

import pytest

from pytest_modeleval import Failure, Prediction, Usage, UsageError
from pytest_modeleval.core.keys import AnswerKey, hash_of
from pytest_modeleval.core.redaction import Redactor
from pytest_modeleval.store.predictions import line_of, read_predictions
from pytest_modeleval.store.runs import Run, new_run_id, write_whole

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


def key(case_id="a", **other):
    """The key of a case's answer."""
    known = {"suite": "tickets", "variant": "", "repeat": 0, "model": "openai:m"}
    known |= {"case_id": case_id, "input_hash": hash_of("question")}
    return AnswerKey(**(known | other))


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
    moments = [datetime(2026, 1, 2, 3, 4, 5, n, tzinfo=UTC) for n in range(0, 1_000_000, 4000)]
    quick = [new_run_id(moment) for moment in moments]

    assert earlier.startswith("20260102-030405-")
    assert quick == sorted(quick)
    assert quick[-1] < later
    assert len(set(quick)) == len(quick)
    assert len({new_run_id(moments[0]) for _ in range(99)}) > 1


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

    run.keep_predictions([(key(), answer)])

    (back,) = read_predictions(run.folder).values()
    assert type(back) is type(answer)
    assert fields_of(back) == fields_of(answer)


def test_answers_by_key(run):
    """Each key has its answer; of several to one key the last counts."""
    run.create({})

    for case_id, output in [("a", "old"), ("b", "b"), ("a", "new")]:
        run.keep_predictions([(key(case_id), Prediction(output=output))])

    answers = read_predictions(run.folder)
    assert {key.case_id: answer.output for key, answer in answers.items()} == {"a": "new", "b": "b"}


@pytest.mark.parametrize(
    "other",
    [
        {"suite": "other"},
        {"variant": "polite"},
        {"repeat": 1},
        {"model": "openai:n"},
        {"input_hash": hash_of("another question")},
        {"parameters_hash": hash_of({"temperature": 0})},
        {"call": 1},
    ],
)
def test_each_part_of_a_key_tells_answers_apart(run, other):
    """What was asked otherwise, or of another model, is another answer, and comes back as one."""
    run.create({})

    run.keep_predictions([(key(), Prediction(output="one"))])
    run.keep_predictions([(key(**other), Prediction(output="two"))])

    answers = read_predictions(run.folder)
    assert answers[key()].output == "one"
    assert answers[key(**other)].output == "two"


def test_an_answer_is_on_disk_at_once(run):
    """It has been paid for: it can be read while the run goes on."""
    run.create({})

    run.keep_predictions([(key("a"), Prediction(output="yes"))])

    line = read(run.folder / "predictions.jsonl")
    assert line["format_version"] == 1
    assert line["case_id"] == "a"
    assert line["asked_model"] == "openai:m"
    assert line["failed"] is False
    assert line["output"] == "yes"


def test_fields_of_a_later_version(run):
    """Fields that this version does not know are passed over, those of usage too."""
    run.create({})
    line = {
        **key().to_dict(),
        "failed": False,
        "output": "yes",
        "mood": "good",
        "usage": {"input_tokens": 1, "output_tokens": 1, "audio_tokens": 1},
    }
    run.predictions.append(json.dumps(line))

    answers = read_predictions(run.folder)

    assert answers[key()].output == "yes"
    assert answers[key()].usage == Usage(input_tokens=1, output_tokens=1)


def damaged(run, *lines):
    """The trouble with a journal of these lines, and the ids of the cases that it still has."""
    run.create({})
    run.predictions.path.write_bytes(b"".join(lines))
    trouble = []
    answers = read_predictions(run.folder, trouble=trouble)
    path = f"{run.predictions.path}:"
    assert all(sentence.startswith(path) for sentence in trouble)
    return [sentence.removeprefix(path) for sentence in trouble], [key.case_id for key in answers]


def text_of(answer=ANSWER, case_id="a", **wrong):
    """A line of the journal."""
    return json.dumps(line_of(key(case_id), answer) | wrong).encode() + b"\n"


def test_half_a_line_at_the_end(run):
    """It is what a killed process leaves, and no damage."""
    assert damaged(run, text_of(), text_of(case_id="b")[:-20]) == ([], ["a"])


def test_a_damaged_line_is_named(run):
    """By file and line; the others count."""
    trouble, ids = damaged(run, text_of(), text_of(case_id="b")[:-20] + b"\n", text_of(case_id="c"))

    assert trouble == ["2: the line is damaged, and passed over: it is no JSON object"]
    assert ids == ["a", "c"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"latency_s": "fast"}, "latency_s is 'fast'"),
        ({"cost_usd": -1}, "cost_usd is -1"),
        ({"total_s": float("inf")}, "total_s is inf"),
        ({"n_attempts": True}, "n_attempts is True"),
        ({"usage": [1, 2]}, "usage is [1, 2]"),
        ({"usage": {"input_tokens": 1}}, "output_tokens"),
        ({"usage": {"input_tokens": 1, "output_tokens": -1}}, "output_tokens"),
        ({"case_id": 3}, "case_id is 3"),
        ({"repeat": "1"}, "repeat is '1'"),
        ({"input_hash": None}, "input_hash is None"),
        ({"failed": True}, "kind"),
    ],
)
def test_a_line_that_holds_something_else(run, wrong, said):
    """JSON alone is not enough: a wrong number must not come up in the middle of a report."""
    (sentence,), ids = damaged(run, text_of(**wrong))

    assert sentence.startswith("1: the line is damaged, and passed over: ")
    assert said in sentence
    assert ids == []


def test_answers_of_an_earlier_run(run):
    """They are there before the manifest, so before anybody can find the run."""
    run.create({}, {key(): ANSWER, key("b"): Prediction(output="b")})
    run.keep_predictions([(key("c"), Prediction(output="c"))])

    assert [key.case_id for key in read_predictions(run.folder)] == ["a", "b", "c"]
    assert fields_of(read_predictions(run.folder)[key()]) == fields_of(ANSWER)


def test_discarding_a_run_that_took_answers_over(run):
    """What it asked itself is nothing, so it goes; the run that they are of has them still."""
    run.create({}, {key(): ANSWER})

    run.discard()

    assert not run.folder.exists()


def test_no_answers(tmp_path):
    """A run that asked nothing has none."""
    assert read_predictions(tmp_path) == {}


def test_secrets_are_left_out(run):
    """Neither manifest nor answers nor summary hold the value of a secret."""
    secret = "hunter2-hunter2"
    run.create({"argv": ["--key", secret]})

    run.keep_predictions([(key("a"), Prediction(output={"said": f"it is {secret}", secret: 1}))])
    run.keep_predictions([(key("b"), Failure(kind="raised", message=f"bad key {secret}"))])
    run.write_summary({"failures": [secret]})
    run.close()

    texts = [path.read_text() for path in run.folder.iterdir()]
    assert len(texts) == 3
    assert all(secret not in text for text in texts)
    assert all("[secret SOME_API_KEY]" in text for text in texts)


def test_trouble_with_the_disk_is_remembered(run):
    """An answer that can't be written raises nothing."""
    run.keep_predictions([(key("a"), Prediction(output="yes"))])  # the folder was never made

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
    run.keep_predictions([(key("a"), Prediction(output="yes"))])

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
    run.keep_predictions([(key("a"), Prediction(output="yes"))])

    run.close()
    run.close()

    assert run.predictions.trouble is None
