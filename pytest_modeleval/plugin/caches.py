"""Caches: what ``--lf`` runs again, where a missed case belongs though pytest does not know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_modeleval.plugin.gatekeeper import Gatekeeper

__all__ = ["LastFailed"]


class LastFailed:
    """Adds the missed cases to what ``--lf`` runs again, after pytest's own plugin wrote its list.

    A class of its own since one object has one implementation of a hook.

    Args:
        config: For pytest's cache.
        gatekeeper: Knows the missed cases.
    """

    def __init__(self, config: pytest.Config, gatekeeper: Gatekeeper) -> None:
        self.config = config
        self._gatekeeper = gatekeeper

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Add them."""
        cache = getattr(self.config, "cache", None)  # absent under -p no:cacheprovider
        missed = self._gatekeeper.missed
        if cache is None or not missed:
            return
        failed = cache.get("cache/lastfailed", {})
        failed.update(dict.fromkeys(missed, True))
        cache.set("cache/lastfailed", failed)
