"""Posts to measure with: of a file, or generated with a fixed seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from approval.rules import Facts

SEED = 20261121
LEAST = 280
"""Characters of a generated post."""
CALM = (
    "Our branch in {place} opens at nine, and the coffee is on us.",
    "Read how {thing} work before you decide; every one of them can lose value.",
    "We published our fees for {thing} today. The full schedule is on our website.",
    "Three questions to ask about {thing}, and one about yourself.",
    "Thank you to everybody who came to the open house in {place}.",
)
RISKY = (
    "Guaranteed returns on {thing}, no matter what the market does!",
    "You can't lose with our {thing}. Act now, before it's gone.",
    "Up 31% since January: our {thing} beat every other fund in {place}.",
    "Everyone's approved for {thing}, with zero fees, ever.",
)
PLACES = ("Leeds", "Tulsa", "Geelong", "Lyon", "Boise", "Kraków")
THINGS = ("covered calls", "index funds", "savings bonds", "home loans", "annuities", "pensions")
REGIMES = ("us-bd", "uk", "eu")


def generated(count: int, *, least: int = LEAST) -> Iterator[tuple[str, Facts]]:
    """Posts of at least so many characters, a third of them risky."""
    dice = random.Random(SEED)
    for _ in range(count):
        pool = CALM + RISKY if dice.random() < 0.35 else CALM
        text = ""
        while len(text) < least:
            text += dice.choice(pool).format(place=dice.choice(PLACES), thing=dice.choice(THINGS)) + " "
        yield text, Facts(regime=dice.choice(REGIMES), product="fund", channel="linkedin")


def given(path: Path, count: int) -> list[tuple[str, Facts]]:
    """The first posts of a JSONL file, over and over until there are enough."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    keys = ("regime", "product", "channel", "audience")
    posts = [(row["text"], Facts(**{key: row.get(key) for key in keys})) for row in rows]
    return (posts * (count // len(posts) + 1))[:count]
