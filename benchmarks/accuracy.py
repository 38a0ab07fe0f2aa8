"""How exact the shipped rules are on labelled posts, beside a lexicon of twelve words and two linters of prose.

    python benchmarks/accuracy.py [POSTS.jsonl ...]

Without files: `tests/labelled_posts.jsonl`, which the writers of the rules learned from, and
`tests/unseen_posts.jsonl`, labelled by somebody who never saw the rules. The writers of the rules were told its
totals now and then, and never saw its posts. A post is flagged when any finding is medium or worse; by the lexicon and
the linters, which know no severity, when they find anything.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import peers

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
        for name, peer in PEERS.items():
            _tell_peer(name, rows, peer)


def _tell(found: Evaluation) -> None:
    low, high = found.posts.intervals["recall"]
    print(f"  rules             recall {found.posts.recall:.2f} ({low:.2f} to {high:.2f}),", end=" ")
    low, high = found.posts.intervals["precision"]
    print(f"precision {found.posts.precision:.2f} ({low:.2f} to {high:.2f})")
    wordings = ", ".join(f"{name} {score.recall:.2f}" for name, score in sorted(found.wordings.items()))
    print(f"    recall by wording: {wordings}")
    print(f"    topics F1 {found.labels.f1:.2f}; worst severity right {found.worst_right:.2f}")


def _tell_peer(name: str, rows: Sequence[Mapping[str, Any]], peer: Peer) -> None:
    try:
        flags = peer([row["text"] for row in rows])
    except peers.Missing as reason:
        print(f"  {name:17} {reason}")
        return
    hit = sum(flag and bool(row["labels"]) for flag, row in zip(flags, rows, strict=True))
    flawed = sum(bool(row["labels"]) for row in rows)
    print(f"  {name:17} recall {hit / max(1, flawed):.2f}, precision {hit / max(1, sum(flags)):.2f}")


def _by_lexicon(texts: Sequence[str]) -> list[bool]:
    return [LEXICON.search(text) is not None for text in texts]


def _by_proselint(texts: Sequence[str]) -> list[bool]:
    return [findings > 0 for findings in map(peers.proselint(), texts)]


def _by_write_good(texts: Sequence[str]) -> list[bool]:
    return [findings > 0 for findings in peers.write_good(texts).found]


Peer = Callable[[Sequence[str]], list[bool]]
PEERS: Mapping[str, Peer] = {"twelve words": _by_lexicon, "proselint": _by_proselint, "write-good": _by_write_good}


if __name__ == "__main__":
    main()
