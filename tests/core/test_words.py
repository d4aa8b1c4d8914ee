"""Words: lists that end."""

import pytest

from pytest_modeleval.core.words import listed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("a", "a"),
        ("ab", "a and b"),
        ("abc", "a, b and c"),
        ("abcdef", "a, b, c, d, e and f"),
        ("abcdefg", "a, b, c, d, e and 2 more"),
    ],
)
def test_many_names(names, text):
    """Nobody reads a hundred, and a single one that is left out is not worth saying."""
    assert listed(names) == text
