"""What all tests share: pytester, and helper modules such as ``fake_server`` on the path."""

import gc
import os
import sys
from pathlib import Path

pytest_plugins = ["pytester"]

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)

for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
    os.environ.pop(_name, None)  # runs inside of tests are nothing that a job reports


def pytest_collection_finish():
    """Garbage is collected thousands of times, by statsmodels too, and what is loaded is none."""
    gc.collect()
    gc.freeze()
