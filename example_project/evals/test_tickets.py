"""Does every ticket reach the team that can help?"""

import pytest


@pytest.mark.model_eval("tickets.csv")
def test_routes_ticket(case, prediction):
    """The router names the team that a person named."""
    assert prediction == case.expected
