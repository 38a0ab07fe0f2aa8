"""How many posts per second the rule engine explains in full, beside the same patterns with `re`, one by one.

    python benchmarks/rules.py [POSTS.jsonl] [--posts 2000]

Reads any JSONL of objects with `text` (and, where they have them, regime, product, channel, audience), or generates
posts with a fixed seed. Both run in this process on the same posts; the engine answers with findings (place in the
original, reason, citation, suggestion), `re` only says where each pattern matches the lower-cased text. Takes less
than a minute.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from approval.rules import Facts, RuleSet, load_packs

SEED = 20261121
ROUNDS = 3
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


def generated(count: int) -> list[tuple[str, Facts]]:
    """Posts of about 320 characters, a third of them risky."""
    dice = random.Random(SEED)
    posts = []
    for _ in range(count):
        pool = CALM + RISKY if dice.random() < 0.35 else CALM
        text = ""
        while len(text) < 280:
            text += dice.choice(pool).format(place=dice.choice(PLACES), thing=dice.choice(THINGS)) + " "
        posts.append((text, Facts(regime=dice.choice(("us-bd", "uk", "eu")), product="fund", channel="linkedin")))
    return posts


def given(path: Path, count: int) -> list[tuple[str, Facts]]:
    """The first posts of a JSONL file, over and over until there are enough."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    keys = ("regime", "product", "channel", "audience")
    posts = [(row["text"], Facts(**{key: row.get(key) for key in keys})) for row in rows]
    return (posts * (count // len(posts) + 1))[:count]


def one_by_one(ruleset: RuleSet) -> list[re.Pattern[str]]:
    """The probes of every rule as `re` patterns; `re` spells code points differently."""
    probes = {probe for rule in ruleset.rules for opener in rule.look.openers for probe in opener.expressions}
    spelled = (re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: chr(int(m.group(1), 16)), probe) for probe in sorted(probes))
    return [re.compile(pattern) for pattern in spelled]


def rate(posts: Sequence[tuple[str, Facts]], run: Callable[[str, Facts], object], rounds: int) -> float:
    """Posts per second, the median of some rounds."""
    rates = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for text, facts in posts:
            run(text, facts)
        rates.append(len(posts) / (time.perf_counter() - begun))
    return statistics.median(rates)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--posts", type=int, default=2_000)
    chosen = parser.parse_args()
    posts = given(chosen.file, chosen.posts) if chosen.file else generated(chosen.posts)
    begun = time.perf_counter()
    ruleset = RuleSet.parse(load_packs().sources)
    compiled = time.perf_counter() - begun
    patterns = one_by_one(ruleset)
    few = posts[: max(20, len(posts) // 40)]
    engine = rate(posts, ruleset.check_facts, ROUNDS)
    plain = rate(few, lambda text, _: [list(p.finditer(text.lower())) for p in patterns], 1)
    found = sum(len(ruleset.check_facts(*post)) for post in posts)
    print(f"{len(ruleset.rules)} rules, {len(patterns)} patterns; compiled in {compiled:.2f} s")
    print(
        f"{len(posts)} posts, mean {statistics.fmean(len(text) for text, _ in posts):.0f} characters, {found} findings"
    )
    print(f"engine, full findings   {engine:10,.0f} posts/s")
    print(f"re, one by one          {plain:10,.0f} posts/s")
    print(f"ratio                   {engine / plain:10.1f}")


if __name__ == "__main__":
    main()
