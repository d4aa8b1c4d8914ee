"""``--model-eval-concurrency``: calls in flight at once."""

import pytest

SUITE = """
    import threading
    import pytest

    barrier = threading.Barrier({n})
    lock = threading.Lock()
    running, peak = [], [0]

    def answer(text):
        with lock:
            running.append(text)
            peak[0] = max(peak[0], len(running))
        if {n} > 1:
            barrier.wait(5)
        running.remove(text)
        return text.upper()

    @pytest.mark.model_eval("tickets.csv", model=answer)
    def test_ticket(case, prediction):
        assert prediction == case.expected

    def test_peak():
        assert peak == [{n}]
"""


@pytest.mark.parametrize("n", [1, 2, 4])
def test_as_many_calls_run_at_once(project, n):
    """No fewer and no more."""
    project.suite("a", "b", "c", "d", source=SUITE.format(n=n))

    result = project.run(f"--model-eval-concurrency={n}")

    result.assert_outcomes(passed=5)


def test_the_header_says_how_many(project):
    """One is said in words."""
    project.suite("right-1", "right-2")
    project.ini()

    result = project.run("--model-eval-concurrency=1")

    result.stdout.fnmatch_lines(["model eval: robot:answer, 2 cases, one at a time"])


def test_no_thread_is_left_behind(project):
    """Neither the engine's nor a model's."""
    project.suite("right-1", "boom-1")
    project.pytester.makeconftest("""
        import threading

        def pytest_unconfigure():
            names = sorted(thread.name for thread in threading.enumerate())
            print("threads", [name for name in names if name.startswith("modeleval")])
    """)
    project.ini()

    project.run_apart("-s").stdout.fnmatch_lines(["*threads []"])
