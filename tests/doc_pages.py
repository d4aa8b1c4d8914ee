"""Pages of docs/ as something to run: their files are written, their commands run, in order.

In a page a fence is
- a file, where the line above it ends in its name and a colon: "... in `evals/tickets.csv`:"
- ``console``: commands after ``$ ``, each with what it prints. A line ``...`` stands for any lines;
  what is left out before the first and after the last line shown may be anything too.
- anything else: an excerpt, which must parse.
``<!-- not run: REASON -->`` above a fence says that it needs what is not to be had here.

Commands run in children forked from one process that has imported the heavy modules: a page costs
the CPU of its evals, not of a Python start for each command.
"""

import ast
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import yaml

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"`([\w./-]+\.\w+)`:$")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fence of a page.

    Attributes:
        kind: The language it names; "" for none.
        text: What it holds.
        line: Its line in the page.
        file: Name of the file that it is; None for no file.
        not_run: Why it is not run; None where it is.
    """

    kind: str
    text: str
    line: int
    file: str | None
    not_run: str | None

    @property
    def commands(self):
        """The commands of a console, each with the lines that it is to print."""
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif found and found[-1][0].endswith("\\"):
                found[-1][0] = found[-1][0][:-1] + line.strip()
            elif found:
                found[-1][1].append(line)
        return found


def blocks_of(page):
    """The fences of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        above = text[: match.start()].rstrip().splitlines()[-3:] or [""]
        named = _NAMED.search(above[-1])
        marks = [_NOT_RUN.search(line) for line in above[-1 if named is None else -3 :]]
        yield Block(
            kind=match[1],
            text=match[2],
            line=text.count("\n", 0, match.start()) + 1,
            file=named and named[1],
            not_run=next((mark[1] for mark in marks if mark), None),
        )


def check_parses(kind, text):
    """Raise where an excerpt is not what its fence says."""
    match kind:
        case "python":
            ast.parse(text)
        case "yaml":
            yaml.safe_load(text)
        case "json":
            json.loads(text)
        case "toml":
            tomllib.loads(text)
        case "ini":
            parser = ConfigParser(interpolation=None)
            parser.read_string(text if text.lstrip().startswith("[") else "[pytest]\n" + text)


def normal(line):
    """A line without what differs from run to run: times, run ids, dates, and rules of dashes."""
    line = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", line)
    line = re.sub(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?\S*", "DATE", line)
    line = re.sub(r"[\d.]+(?: to [\d.]+)? (?:us|ms|s|min)\b", "TIME", line)
    line = re.sub(r"in [\d.]+s\b", "in TIME", line)
    line = re.sub(r"\d+ minutes? old", "AGE", line)
    line = re.sub(r"={3,}|-{3,}", "===", line)
    return " ".join(line.split())


def first_difference(expected, printed):
    """The first line shown that is not among the lines printed, in order; None where all are.

    Lines between two ``...`` stand together.
    """
    lines = [normal(line) for line in printed]
    chunks, at = [[]], 0
    for line in map(normal, expected):
        if line == "...":
            chunks.append([])
        else:
            chunks[-1].append(line)
    for chunk in chunks:
        while chunk and chunk[-1] == "":
            chunk.pop()
        ends = [
            start + len(chunk)
            for start in range(at, len(lines) - len(chunk) + 1)
            if lines[start : start + len(chunk)] == chunk
        ]
        if not ends:
            missing = [line for line in chunk if line not in lines[at:]]
            return (missing or chunk)[0]
        at = ends[0]
    return None


class Shell:
    """Runs ``pytest``, ``modeleval`` and ``python FILE`` in forks of one warm process."""

    def __init__(self, environment):
        self._status = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command, folder):
        """What a command printed; ``echo $?`` prints the exit status of the one before."""
        if command == "echo $?":
            return str(self._status)
        words = shlex.split(command, comments=True)
        if words[0] in ("cat", "ls"):
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            self._status = done.returncode
            return done.stdout + done.stderr
        print(json.dumps([words, str(folder)]), file=self._process.stdin, flush=True)
        self._status, text = json.loads(self._process.stdout.readline())
        return text

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def _serve():
    """Fork for each command that stands in a line, and answer with its status and output."""
    import openai
    import pytest

    from pytest_modeleval import cli, evaluate
    from pytest_modeleval.plugin import roles, runner

    del openai, evaluate, roles, runner
    for line in sys.stdin:
        words, folder = json.loads(line)
        path = Path(folder) / ".printed"
        pid = os.fork()
        if pid == 0:
            _run(words, folder, path, pytest, cli)
        _, status = os.waitpid(pid, 0)
        printed = path.read_text(encoding="utf-8", errors="replace")
        path.unlink()
        print(json.dumps([os.waitstatus_to_exitcode(status), printed]), flush=True)


def _run(words, folder, path, pytest, cli):
    """One command in a process of its own, which ends here."""
    os.chdir(folder)
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    status = 1
    with contextlib.suppress(SystemExit):
        match words:
            case ["pytest", *arguments]:
                sys.argv = words
                status = pytest.main(arguments)
            case ["modeleval", *arguments]:
                status = cli.main(arguments)
            case ["python", script]:
                import runpy

                sys.argv, sys.path[0] = [script], folder
                runpy.run_path(script, run_name="__main__")
                status = 0
            case _:
                print(f"no such command in the documentation: {words}")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.path.pop(0)  # of the project's own folders a page sees none
    _serve()
