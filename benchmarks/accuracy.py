"""How exact the shipped rules are on labelled posts, beside a lexicon of twelve words.

    python benchmarks/accuracy.py [POSTS.jsonl ...]

Without files: `tests/labelled_posts.jsonl`, which the writers of the rules learned from, and
`tests/unseen_posts.jsonl`, labelled by somebody who never saw the rules. The writers of the rules were told its
totals now and then, and never saw its posts. A post is flagged when any finding is medium or worse.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from approval.rules import load_packs
from approval.screening.evaluation import Evaluation, Labelled, evaluate

TESTS = Path(__file__).parents[1] / "tests"
LEXICON = re.compile(
    r"guarantee|risk.?free|can.?t lose|no risk|safe|best|free|double|promise|instant|approved|act now", re.IGNORECASE
)
FACTS = ("channel", "regime", "product", "audience")


def main() -> None:
    """Prints a table for each file."""
    files = [Path(name) for name in sys.argv[1:]] or [TESTS / "labelled_posts.jsonl", TESTS / "unseen_posts.jsonl"]
    rules = load_packs()
    for file in files:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        found = evaluate(
            Labelled(
                id=row["id"],
                text=row["text"],
                findings=rules.check(row["text"], **{key: row.get(key) for key in FACTS}),
                labels=row["labels"],
                source=row.get("source"),
            )
            for row in rows
        )
        flawed = sum(bool(row["labels"]) for row in rows)
        print(f"{file.name}: {flawed} posts that an officer would flag, {len(rows) - flawed} that would pass")
        _tell(found)
        _tell_lexicon(rows, lambda row: LEXICON.search(row["text"]) is not None)


def _tell(found: Evaluation) -> None:
    low, high = found.posts.intervals["recall"]
    print(f"  rules             recall {found.posts.recall:.2f} ({low:.2f} to {high:.2f}),", end=" ")
    low, high = found.posts.intervals["precision"]
    print(f"precision {found.posts.precision:.2f} ({low:.2f} to {high:.2f})")
    wordings = ", ".join(f"{name} {score.recall:.2f}" for name, score in sorted(found.wordings.items()))
    print(f"    recall by wording: {wordings}")
    print(f"    topics F1 {found.labels.f1:.2f}; worst severity right {found.worst_right:.2f}")


def _tell_lexicon(rows: Sequence[Mapping[str, Any]], flags: Callable[[Mapping[str, Any]], bool]) -> None:
    hit = sum(flags(row) for row in rows if row["labels"])
    false = sum(flags(row) for row in rows if not row["labels"])
    flawed = sum(bool(row["labels"]) for row in rows)
    print(f"  twelve words      recall {hit / max(1, flawed):.2f}, precision {hit / max(1, hit + false):.2f}")


if __name__ == "__main__":
    main()
