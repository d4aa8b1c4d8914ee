"""The recipes for CI in docs/ci: their steps, run in a checkout of the example project.

``gh``, ``curl`` and ``pip`` are stand-ins that note their calls and keep comments in a file; all
else is what the recipes say.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("check_jsonschema")
jq = pytest.importorskip("jq")

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "ci"
MARKER = "<!-- pytest-modeleval -->"
HARD = "accuracy >= 99%"

# A shell starts it, since a line #! takes no path with a space; to Python those lines are a text.
STAND_IN = f"""#!/bin/sh
''':'
exec {shlex.quote(sys.executable)} "$0" "$@"
':'''
import json, os, re, shutil, sys
from pathlib import Path
world = Path(os.environ["WORLD"])
name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
with (world / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps([name, *arguments]) + "\\n")
state = world / "comments.json"
comments = json.loads(state.read_text()) if state.exists() else []

def option(flag):
    return arguments[arguments.index(flag) + 1] if flag in arguments else None

def body():
    file = next(word for word in arguments if word.startswith("body@") or word.startswith("body=@"))
    return Path(file.partition("@")[2]).read_text(encoding="utf-8")

def keep(url, method):
    if method == "POST":
        user = {{"login": "github-actions[bot]"}}
        comments.append({{"id": 1000 + len(comments), "body": body(), "user": user}})
    else:
        number = int(url.rpartition("/")[2])
        (comment,) = [item for item in comments if item["id"] == number]
        comment["body"] = body()
    state.write_text(json.dumps(comments))
"""
GH = """
import jq
baseline = world / "baseline.jsonl"
if arguments[:2] == ["run", "list"]:
    found = [{"databaseId": 77}] if baseline.exists() else []
    print(*jq.compile(option("--jq")).input_value(found).all(), sep="\\n")
elif arguments[:2] == ["run", "download"]:
    shutil.copy(baseline, option("--dir"))
elif option("--method"):
    keep(next(word for word in arguments if word.startswith("repos/")), option("--method"))
else:
    print(*jq.compile(option("--jq")).input_value(comments).all(), sep="\\n")
"""
CURL = """
url = next(word for word in arguments if word.startswith("https://"))
assert option("--header") == "PRIVATE-TOKEN: hidden"
if option("--request"):
    keep(url, option("--request"))
else:
    number = int(re.search("[?&]page=([0-9]+)", url)[1])
    Path(option("--output")).write_text(json.dumps(comments[number - 1 : number]))  # one a page
    following = number + 1 if number < len(comments) else ""
    headers = f"HTTP/2 200\\r\\nX-Next-Page: {following}\\r\\n\\r\\n"
    Path(option("--dump-header")).write_bytes(headers.encode())
"""


class World:
    """A checkout of the example project, and what services keep of it."""

    def __init__(self, folder):
        self.folder = folder / "world"
        self.checkout = folder / "checkout"
        programs = folder / "programs"
        for new in (self.folder, programs):
            new.mkdir()
        for name, code in (("gh", GH), ("curl", CURL), ("pip", "")):
            (programs / name).write_text(STAND_IN + code)
            (programs / name).chmod(0o755)
        names = (".modeleval", "baseline.jsonl", ".pytest_cache", "__pycache__", ".venv")
        ignored = shutil.ignore_patterns(*names)
        shutil.copytree(ROOT / "example_project", self.checkout, ignore=ignored)
        self.summary = folder / "summary.md"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GITHUB_", "CI_", "PYTEST_")) and name != "CI"
        }
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), kept["PATH"]])
        self.environment = kept | {
            "PATH": path,
            "WORLD": str(self.folder),
            "PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:asyncio",
        }

    def ask_for(self, threshold):
        """Ask of the model what it does not reach."""
        ini = self.checkout / "pytest.ini"
        ini.write_text(ini.read_text().replace("accuracy >= 85%", threshold))

    def run(self, script, environment, *, shell=("bash", "-e")):
        """Run a script as the service would; its exit status and output."""
        found = subprocess.run(
            [*shell, "-c", script],
            check=False,
            cwd=self.checkout,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return found.returncode, found.stdout

    @property
    def calls(self):
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def comments(self):
        file = self.folder / "comments.json"
        return json.loads(file.read_text()) if file.exists() else []

    def have_comments(self, *bodies):
        """What others have said before."""
        found = [
            {"id": number, "body": body, "user": {"login": "a-person"}}
            for number, body in enumerate(bodies)
        ]
        (self.folder / "comments.json").write_text(json.dumps(found))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# GitHub


class Job:
    """A job of the workflow, whose steps are run until one fails."""

    def __init__(self, world, name, event):
        self.world = world
        self.event = event
        self.steps = github()["jobs"][name]["steps"]
        self.status, self.output = 0, ""

    def run(self):
        for step in self.steps:
            if "run" in step and self._is_wanted(step.get("if", "success()")):
                names = {name: self._value(text) for name, text in step.get("env", {}).items()}
                status, output = self.world.run(step["run"], self._environment() | names)
                self.status, self.output = self.status or status, self.output + output
        return self

    def uploads(self):
        """The artifacts that there are after the job, by name."""
        found = {}
        for step in self.steps:
            is_upload = step.get("uses", "").startswith("actions/upload-artifact@")
            if is_upload and self._is_wanted(step["if"]):
                paths = step["with"]["path"].split()
                found[step["with"]["name"]] = [self.world.checkout / path for path in paths]
        return found

    def _is_wanted(self, condition):
        """The few conditions that the recipe has."""
        known = {
            "success()": not self.status,
            "${{ !cancelled() }}": True,
            "github.event_name == 'pull_request'": not self.status and self.event == "pull_request",
            "github.event_name == 'push'": not self.status and self.event == "push",
        }
        return known[condition]

    def _value(self, text):
        known = {"github.token": "t", "secrets.OPENAI_API_KEY": "k", "github.event.number": "12"}
        return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known[found[1]], text)

    def _environment(self):
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event,
            "GITHUB_REPOSITORY": "acme/tickets",
            "GITHUB_BASE_REF": "main" if self.event == "pull_request" else "",
            "GITHUB_STEP_SUMMARY": str(self.world.summary),
            "GITHUB_WORKSPACE": str(self.world.checkout),
        }


def github():
    return yaml.load((RECIPES / "github.yml").read_text(encoding="utf-8"), yaml.BaseLoader)


@pytest.mark.parametrize(
    ("file", "schema"),
    [("github.yml", "vendor.github-workflows"), ("gitlab.yml", "vendor.gitlab-ci")],
)
def test_the_recipes_are_what_the_services_read(file, schema):
    """By the schemas that are public."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]

    found = subprocess.run(
        [*command, str(RECIPES / file)], check=False, capture_output=True, text=True
    )

    assert found.returncode == 0, found.stdout


def test_the_example_has_the_recipe():
    """So that the two don't part."""
    own = ROOT / "example_project" / ".github" / "workflows" / "evals.yml"

    assert own.read_text(encoding="utf-8") == (RECIPES / "github.yml").read_text(encoding="utf-8")


def test_github_hands_out_no_more_than_is_needed():
    """Code of a pull request meets no token that writes, and no text of it is put into a script."""
    recipe = github()

    assert "pull_request_target" not in recipe["on"]
    assert recipe["permissions"] == {}
    evals, comment = (recipe["jobs"][name] for name in ("evals", "comment"))
    assert set(evals["permissions"].values()) == {"read"}
    assert comment["permissions"] == {"pull-requests": "write"}
    assert not any("checkout" in step.get("uses", "") for step in comment["steps"])
    for step in [*evals["steps"], *comment["steps"]]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v1"))
        assert "cache" not in step.get("with", {})


def test_github_on_main(world):
    """A good run leaves the baseline for the pull requests to come."""
    job = Job(world, "evals", "push").run()

    assert job.status == 0, job.output
    assert ["pip", "install", "-r", "requirements.txt"] in world.calls
    (baseline,) = job.uploads()["baseline"]
    assert len(baseline.read_text().splitlines()) == 73


def test_github_on_main_not_met(world):
    """Which then keeps the baseline that it has."""
    world.ask_for(HARD)

    job = Job(world, "evals", "push").run()

    assert job.status == 1, job.output
    assert "baseline" not in job.uploads()


def test_github_on_a_pull_request(world):
    """Compared with main; summary, reports and one comment, which the next push writes anew."""
    main = Job(world, "evals", "push").run()
    shutil.move(main.uploads()["baseline"][0], world.folder / "baseline.jsonl")
    world.have_comments("Looks good", f"> {MARKER}\nquoted", f"{MARKER} by a person")

    job = Job(world, "evals", "pull_request").run()
    comment = Job(world, "comment", "pull_request").run()

    assert job.status == comment.status == 0, job.output + comment.output
    assert "compared with evals/baseline.jsonl" in job.output
    assert all(path.exists() for path in job.uploads()["evals"])
    assert world.summary.read_text(encoding="utf-8").count(MARKER) == 2  # of main, too
    *_, own = world.comments
    assert len(world.comments) == 4
    assert own["body"].startswith(MARKER)
    assert "accuracy 94.4 % (≥ 85 %)" in own["body"]

    world.ask_for(HARD)
    job = Job(world, "evals", "pull_request").run()
    comment = Job(world, "comment", "pull_request").run()

    assert (job.status, comment.status) == (1, 0), job.output + comment.output
    assert "::error" in job.output
    assert all(path.exists() for path in job.uploads()["evals"])
    assert "baseline" not in job.uploads()
    *_, own = world.comments
    assert len(world.comments) == 4
    assert "accuracy 94.4 % (≥ 99 %)" in own["body"]


def test_github_before_main_has_a_baseline(world):
    """The first pull request is judged by its own numbers, and that is said."""
    job = Job(world, "evals", "pull_request").run()

    assert job.status == 0, job.output
    assert "::notice::No run of main has been good yet" in job.output
    assert "compared with" not in job.output


def test_github_when_the_baseline_is_lost(world):
    """An artifact that has expired stops the job: nothing is judged without what it was to be held to."""
    (world.folder / "baseline.jsonl").mkdir()  # there is a run, and its artifact can't be had

    job = Job(world, "evals", "pull_request").run()

    assert job.status == 1
    assert "model eval" not in job.output


# GitLab


def gitlab(name):
    """The script of a job as one."""
    recipe = yaml.safe_load((RECIPES / "gitlab.yml").read_text(encoding="utf-8"))
    return recipe[name], "\n".join(recipe[name]["script"])


def variables(world, *, merge_request=True):
    known = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "5",
        "EVALS_TOKEN": "hidden",
    }
    if merge_request:
        known |= {"CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    return known


def commit(folder, message):
    for command in (
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", message],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture
def merge_request(world):
    """A branch of a repository whose main has a baseline; its checkout, which has the origin alone."""
    origin = world.folder / "origin"
    shutil.move(world.checkout, origin)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=origin, check=True)
    world.checkout = origin
    assert world.run("pytest --model-eval --model-eval-save-baseline", {})[0] == 0
    commit(origin, "main")
    world.checkout = world.folder / "checkout"
    subprocess.run(["git", "clone", "-q", str(origin), str(world.checkout)], check=True)
    return world


def test_gitlab_on_a_merge_request(merge_request):
    """Compared with the target branch's baseline; one comment, which the next push writes anew."""
    world = merge_request
    (world.checkout / "evals" / "baseline.jsonl").write_text("not what main has\n")
    world.have_comments("Looks good", f"> {MARKER}\nquoted")
    job, script = gitlab("evals")
    _, say = gitlab("comment")

    status, output = world.run(script, variables(world))
    assert status == 0, output
    assert "compared with evals/baseline.jsonl" in output
    assert ["pip", "install", "-r", "requirements.txt"] in world.calls
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (world.checkout / path).exists()
    assert 'classname="modeleval" name="thresholds"' in (world.checkout / "evals.xml").read_text(
        encoding="utf-8"
    )
    assert world.run(say, variables(world)) == (0, "")
    assert [item["body"].startswith(MARKER) for item in world.comments] == [False, False, True]

    world.ask_for(HARD)
    status, output = world.run(script, variables(world))
    assert status == 1, output
    assert world.run(say, variables(world)) == (0, "")
    assert len(world.comments) == 3
    assert "accuracy 94.4 % (≥ 99 %)" in world.comments[-1]["body"]


def test_gitlab_before_there_is_a_baseline(merge_request):
    """The target branch has none yet, and that is said."""
    world = merge_request
    for folder in (world.folder / "origin", world.checkout):
        subprocess.run(["git", "rm", "-q", "evals/baseline.jsonl"], cwd=folder, check=True)
    commit(world.folder / "origin", "no baseline")

    status, output = world.run(gitlab("evals")[1], variables(world))

    assert status == 0, output
    assert "main has no evals/baseline.jsonl yet." in output
    assert "compared with" not in output


def test_gitlab_on_main(merge_request):
    """Nothing is fetched; what is committed is the baseline."""
    status, output = merge_request.run(
        gitlab("evals")[1], variables(merge_request, merge_request=False)
    )

    assert status == 0, output
    assert "compared with evals/baseline.jsonl" in output


def test_gitlab_caches_nothing():
    """Answers of another commit would hide a change."""
    assert "cache" not in gitlab("evals")[0]
