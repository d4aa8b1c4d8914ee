"""Schedulers: how xdist hands out evals, so that each worker can ask ahead of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["make_scheduler"]


def make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A scheduler that keeps each worker's queue long enough to ask ahead of it.

    xdist's own hands out ever smaller portions, which starves the look-ahead, and its work
    stealing moves items that their first worker has asked for already.
    """
    if config.getoption("dist", "no") not in ("load", "worksteal"):
        return None
    from xdist.scheduler.load import LoadScheduling  # type: ignore[import-untyped]

    class EvalScheduling(LoadScheduling):  # type: ignore[misc,unused-ignore]
        """Like ``load``, with queues of at least twice the worker's calls in flight."""

        def check_schedule(self, node: Any, duration: float = 0) -> None:
            del duration
            if node.shutting_down:
                return
            if not self.pending:
                # Another machine may be lost for good; then somebody has to be there for its cases.
                # xdist ends all workers once each has a single item left.
                if all(other.gateway.spec.popen for other in self.nodes):
                    node.shutdown()
                return
            calls = node.workerinput["model_eval"]["concurrency"]
            n_queued = len(self.node2pending[node])
            if n_queued < 2 * calls:
                # No more than its part of all that is left: the tests may be slow, not the model.
                n_left = len(self.pending) + sum(map(len, self.node2pending.values()))
                wanted = min(3 * calls, -(-n_left // len(self.node2pending)))
                self._send_tests(node, max(wanted - n_queued, 2 - n_queued, 0))

    return EvalScheduling(config, log)
