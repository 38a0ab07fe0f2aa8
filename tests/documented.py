"""What the documentation says can be typed: tests run it as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def block(page: str, section: str, language: str) -> str:
    """Return the first block of code of a language in a section of a page of the documentation."""
    sections = re.split(r"^#{2,3} ", (DOCS / page).read_text("utf-8"), flags=re.MULTILINE)
    (found,) = [each for each in sections if each.startswith(f"{section}\n")]
    return found.split(f"```{language}\n", 1)[1].split("\n```\n", 1)[0]
