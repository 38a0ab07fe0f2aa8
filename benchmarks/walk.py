"""The main job on all labelled posts, with what became of them and how long it took.

Usage: python benchmarks/walk.py. Posts that an officer would flag are returned by the reviewer where no finding has
refused them before; all others are approved by two people and published on feeds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from walking import labelled, walk


def main() -> None:
    """Walk and tell."""
    with tempfile.TemporaryDirectory(prefix="approval-walk-") as folder:
        walked = walk(Path(folder), labelled())
    clean = walked.posts - walked.labelled
    print(f"{walked.posts} posts imported as drafts, {walked.labelled} of which an officer would flag")
    print(f"refused at submit by a finding that blocks: {walked.refused_labelled} of them, and {walked.refused_clean} ")
    print(f"  of the {clean} others; returned by the reviewer: {walked.returned}")
    print(f"approved by two people and published, each byte for byte: {walked.published}")
    print(f"{walked.entries} entries sealed, replayed and exported; accepted by both verifiers")
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in walked.seconds.items()))


if __name__ == "__main__":
    main()
