"""Posts that keep to the rules: rates with their terms, results with their periods, warnings in full."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from approval.rules import load_packs

POSTS = [
    json.loads(line) for line in (Path(__file__).parents[1] / "honest_posts.jsonl").read_text("utf-8").splitlines()
]
RULES = load_packs()
PROMISED = {"fund", "etf", "savings", "crypto", "managed-portfolio", "annuity", "reit"}


def flagged(post: dict[str, str], more: str = "") -> list[str]:
    found = RULES.check(post["text"] + more, regime=post["regime"], product=post["product"])
    return [f"{finding.rule}: {finding.match}" for finding in found if finding.severity.rank]


@pytest.mark.parametrize("post", POSTS, ids=[f"{post['regime']} {post['product']} {n}" for n, post in enumerate(POSTS)])
def test_an_honest_post_passes(post: dict[str, str]) -> None:
    assert not flagged(post)


@pytest.mark.parametrize("regime", sorted({post["regime"] for post in POSTS}))
def test_a_promise_beside_honest_words_is_found(regime: str) -> None:
    """The control: what is excused in these posts excuses nothing else."""
    posts = [post for post in POSTS if post["regime"] == regime and post["product"] in PROMISED]
    assert posts
    assert all(flagged(post, "\n\nYour profit is guaranteed, and you can't lose.") for post in posts)
