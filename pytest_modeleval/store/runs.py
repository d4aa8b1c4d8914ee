"""Runs: one folder each, ``.modeleval/runs/<run id>/``.

``run.json`` says what was run, ``predictions.jsonl`` holds each answer as it arrived (it has been
paid for), ``records.jsonl`` a line for each case, ``summary.json`` the numbers and the verdict.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.records import FORMAT_VERSION, Record
from pytest_modeleval.errors import UsageError
from pytest_modeleval.store.journals import Journal, read_lines
from pytest_modeleval.store.predictions import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.core.predictions import Failure, Prediction
    from pytest_modeleval.core.redaction import Redactor

__all__ = [
    "Run",
    "StoredRun",
    "find_run",
    "last_records",
    "load_run",
    "new_run_id",
    "write_whole",
]


_RECENT = 50  # runs that are looked through for an earlier one of the same suite


def new_run_id(now: datetime | None = None) -> str:
    """A run id that sorts by time: UTC to the second, and four hexadecimal digits.

    Two of them are 256ths of the second, so that the newest of several quick runs is the last;
    two are random, so that runs started at once hardly share a folder.
    """
    moment = now or datetime.now(UTC)
    part = moment.microsecond * 256 // 1_000_000
    return f"{moment:%Y%m%d-%H%M%S}-{part:02x}{secrets.token_hex(1)}"


class Run:
    """The folder of one run.

    Args:
        folder: The folder.
        redactor: Takes secrets out of everything that is written.
    """

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self.folder = folder
        self._redactor = redactor
        self.predictions = Journal(folder / "predictions.jsonl")
        self.records = Journal(folder / "records.jsonl")
        self._taken_over = 0

    def create(
        self,
        manifest: Mapping[str, Any],
        answers: Mapping[AnswerKey, Prediction | Failure] | None = None,
    ) -> None:
        """Make the folder and write ``run.json``.

        Args:
            manifest: What ``run.json`` is to hold.
            answers: What is taken over from an earlier run. It is on disk before ``run.json``, so
                that whoever finds this run finds all of it.

        Raises:
            UsageError: The folder can't be made or written.
        """
        try:
            store = self.folder.parent.parent
            is_new = not store.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            if is_new:  # what users ask and models answer is not committed by accident
                (store / ".gitignore").write_text("*\n", encoding="utf-8")
            if answers:
                lines = [
                    self._redactor.json_line(line_of(key, answer)) + "\n"
                    for key, answer in answers.items()
                ]
                self._taken_over = _write_text(self.predictions.path, "".join(lines))
            write_whole(self.folder / "run.json", self._redactor.values(dict(manifest)))
        except OSError as error:
            raise UsageError(
                f"model_eval_store: can't write {self.folder}: {error.strerror or error}; "
                "name another folder with --model-eval-store=DIR"
            ) from None

    def keep_predictions(self, answers: Iterable[tuple[AnswerKey, Prediction | Failure]]) -> None:
        """Write answers the moment they are there."""
        self.predictions.append(*(self._redactor.json_line(line_of(*item)) for item in answers))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``, whole or not at all.

        Raises:
            OSError: It could not be written.
        """
        write_whole(self.folder / "summary.json", self._redactor.values(dict(summary)))

    def discard(self) -> None:
        """Remove the folder of a run that asked nothing; one that holds answers stays."""
        with suppress(OSError):
            sizes = {path.name: path.stat().st_size for path in self.folder.iterdir()}
            if sizes.pop("predictions.jsonl", 0) == self._taken_over and [*sizes] == ["run.json"]:
                self.predictions.path.unlink(missing_ok=True)
                (self.folder / "run.json").unlink()
                self.folder.rmdir()

    def close(self) -> None:
        """Close the journals."""
        self.predictions.close()
        self.records.close()


def write_whole(path: Path, data: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Write a JSON file so that a reader sees all of it or nothing.

    Args:
        path: The file.
        data: What it holds.
        indent: Columns of indentation; None for one line, which is written ten times as fast.

    Raises:
        OSError: It could not be written; nothing is left behind.
    """
    text = json.dumps({"format_version": FORMAT_VERSION, **data}, ensure_ascii=False, indent=indent)
    _write_text(path, text + "\n")


def _write_text(path: Path, text: str) -> int:
    """Write a file whole or not at all; gives its size in bytes."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        size = draft.write_bytes(text.encode("utf-8", "replace"))
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return size


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as its folder has it.

    Attributes:
        folder: The folder.
        manifest: What ``run.json`` says.
        records: The records; of several of one item the last.
        summary: What ``summary.json`` says; empty where the run was cut off.
    """

    folder: Path
    manifest: Mapping[str, Any]
    records: tuple[Record, ...]
    summary: Mapping[str, Any]


def find_run(store: Path, name: str | None = None) -> Path:
    """The folder of a run: by its id, by the beginning of it, by its path; the newest by default.

    Raises:
        UsageError: There is none, or there are several.
    """
    runs = store / "runs"
    if name is not None and (Path(name) / "run.json").is_file():
        return Path(name)
    if name is not None and len(Path(name).parts) > 1:
        raise UsageError(f"{name} holds no run.json; a run's folder is runs/ID of its store")
    folders = sorted(path.parent for path in runs.glob("*/run.json"))
    found = [path for path in folders if name is None or path.name.startswith(name)]
    if not found:
        what = f"no run {name!r}" if name else "no run"
        raise UsageError(f"{what} in {runs}; pytest --model-eval makes one")
    if name is not None and len(found) > 1:
        raise UsageError(
            f"{name!r} is the beginning of {len(found)} runs in {runs}; write more of it"
        )
    return found[-1]


def load_run(folder: Path) -> StoredRun:
    """A run from its folder.

    Raises:
        UsageError: It can't be read, or is of a later version.
    """
    try:
        manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / 'run.json'} can't be read: {error}") from None
    later = manifest.get("format_version") if isinstance(manifest, dict) else None
    if not isinstance(later, int) or later > FORMAT_VERSION:
        raise UsageError(
            f"{folder}: format_version {later} is of a later pytest-modeleval; update it"
        )
    records = {}
    for line in read_lines(folder / "records.jsonl"):
        try:
            record = Record.from_dict(line)
        except TypeError as error:
            raise UsageError(f"{folder / 'records.jsonl'} is damaged: {error}") from None
        records[record.nodeid, record.suite, record.variant, record.case_id, record.repeat] = record
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        summary = {}
    return StoredRun(
        folder=folder, manifest=manifest, records=tuple(records.values()), summary=summary
    )


def last_records(runs: Path, *, suite: str, model: str | None) -> dict[str, Record]:
    """The records of a suite in the newest run that asked this model, by case id.

    Args:
        runs: The folder of all runs.
        suite: Name of the suite.
        model: Name of the model; None for whichever it was.
    """
    folders = sorted((path for path in runs.glob("*") if path.is_dir()), reverse=True)
    for folder in folders[:_RECENT]:
        found = {
            record.case_id: record
            for record in map(Record.from_dict, read_lines(folder / "records.jsonl"))
            if record.suite == suite and model in (None, record.model)
        }
        if found:
            return found
    return {}
