"""What a second opinion is worth on labelled posts, by the similarity from which a sentence is remarked on.

    python benchmarks/second_opinion.py [POSTS.jsonl ...]

Needs the extra `second-opinion` and its model. Files as in `accuracy.py`. A post is remarked on when one of its
sentences is; it is flagged when the rules find something medium or worse. The last two columns are what the remarks
add: flawed posts that the rules missed, and honest posts that the rules let pass.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from approval.rules import Facts, RuleSet, Severity, load_packs
from approval.screening.opinion import REMEDY, Encoder, load_encoder, sentences

if TYPE_CHECKING:
    from approval.screening.opinion.nearest import Bank

TESTS = Path(__file__).parents[1] / "tests"
FACTS = ("channel", "regime", "product", "audience")
FROM = (0.55, 0.60, 0.65, 0.70, 0.75, 0.80)


@dataclass(frozen=True)
class Post:
    """A labelled post: whether an officer would flag it, whether the rules do, and its nearest sentence."""

    flawed: bool
    flagged: bool
    similarity: float


def main() -> int:
    """Print a table for each file; without the model, how it is installed."""
    encoder = load_encoder()
    if encoder is None:
        print(f"the model is not installed: {REMEDY}")
        return 0
    rules = load_packs()
    bank = _bank(rules, encoder)
    for file in [Path(name) for name in sys.argv[1:]] or [TESTS / "labelled_posts.jsonl", TESTS / "unseen_posts.jsonl"]:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        begin = time.process_time()
        posts = list(_read(rows, rules, encoder, bank))
        print(f"{file.name}: {len(posts)} posts, {len(posts) / (time.process_time() - begin):.0f} a second of one core")
        _tell(posts)
    return 0


def _bank(rules: RuleSet, encoder: Encoder) -> Bank:
    # Here, because it needs the extra.
    from approval.screening.opinion.nearest import bank_of

    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        bank = bank_of(rules, encoder, Path(folder), ending=lambda: False)
    assert bank is not None
    print(f"examples of {len(rules.rules)} rules compared with: made once in {time.process_time() - begin:.0f} s")
    return bank


def _read(rows: list[Mapping[str, Any]], rules: RuleSet, encoder: Encoder, bank: Bank) -> Iterator[Post]:
    for row in rows:
        facts = Facts(**{key: row.get(key) for key in FACTS})
        covering = frozenset(rule.id for rule in rules.rules if rule.scope.covers(facts))
        best = 0.0
        for sentence in sentences(row["text"]):
            found = bank.nearest(encoder.encode([sentence.text])[0], covering, least=min(FROM))
            best = max(best, found.similarity if found else 0.0)
        flags = any(finding.severity is not Severity.LOW for finding in rules.check_facts(row["text"], facts))
        yield Post(bool(row["labels"]), flags, best)


def _tell(posts: list[Post]) -> None:
    flawed = sum(post.flawed for post in posts)
    print("  from  remarks  precision  recall  missed by rules  let pass by rules")
    for least in FROM:
        said = [post for post in posts if post.similarity >= least]
        right = sum(post.flawed for post in said)
        gained = sum(post.flawed and not post.flagged for post in said)
        alarms = sum(not post.flawed and not post.flagged for post in said)
        missed = sum(post.flawed and not post.flagged for post in posts)
        passed = sum(not post.flawed and not post.flagged for post in posts)
        print(
            f"  {least:.2f}  {len(said):7}  {right / max(1, len(said)):9.2f}  {right / max(1, flawed):6.2f}"
            f"  {gained:8} of {missed:<4}  {alarms:10} of {passed}"
        )


if __name__ == "__main__":
    sys.exit(main())
