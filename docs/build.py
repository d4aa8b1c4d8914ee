"""Build the site into build/site: ``python docs/build.py``. Warnings are errors.

The pages are read on GitHub too, where they link to the README and it to them. The site is built of
a copy in build/pages, in which the README is a page like the others, so that these links are
checked with all others.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "build" / "pages"


def main() -> int:
    """Copy the pages and build; the exit status."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for page in (ROOT / "docs").rglob("*.md"):
        to = PAGES / page.relative_to(ROOT / "docs")
        to.parent.mkdir(parents=True, exist_ok=True)
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"\]\((?:\.\./)?((?:\.\./)*)README\.md", r"](\1readme.md", text)
        to.write_text(text, encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = re.sub(r"\]\(docs/", "](", readme)
    readme = re.sub(r"\]\(example_project/(?:README\.md)?", "](example.md", readme)
    (PAGES / "readme.md").write_text(readme, encoding="utf-8")
    shutil.copy(ROOT / "example_project" / "README.md", PAGES / "example.md")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
