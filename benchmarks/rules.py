"""How many posts per second the rule engine explains in full, beside its peers, and what more rules cost.

    python benchmarks/rules.py [POSTS.jsonl] [--posts 1000]

Reads any JSONL of objects with `text` (and, where they have them, regime, product, channel, audience), or generates
posts with a fixed seed. All run on the same posts, one after the other on one core; slow peers take the first posts
only, and the line says how many. Seconds are processor time, so that other work on the machine counts little. The
engine answers with findings (place in the original, reason, citation, suggestion); `re` only says where each pattern
matches the lower-cased text, and a set of RE2 only whether any does. A ratio says how many times as fast the engine is.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import peers
import reworded
from factories import a_firm
from texts import generated, given

from approval import settings as environment
from approval.audit.models.keys import Keys
from approval.db import connect, reading, schema
from approval.rules import Facts, RuleSet, load_packs
from approval.screening.services import in_force

ROUNDS = 3
FEW, MANY = 300, 3_000
"""Rules between which the cost of a post is compared."""
ENOUGH = 20.0
"""Seconds after which a slow peer is stopped."""

OWN = b"""[[rule]]
id = "FIRM001"
name = "competitor-by-name"
kind = "phrase"
topic = "comparison-unsubstantiated"
severity = "medium"
match = ["example bank"]
message = "It names a competitor."
why = "Our policy."
citation = { text = "Social media policy, section 4", as_of = 2026-11-01 }
suggestion = "Speak of our own service."
flags = ["Cheaper than Example Bank."]
passes = ["Ask any bank for its fees."]
"""
Post = tuple[str, Facts]


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one call."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def rate(posts: Sequence[Post], rules: RuleSet, rounds: int = ROUNDS) -> float:
    """Posts per second of the engine once its patterns are compiled, the median of some rounds."""

    def all_posts() -> None:
        for text, facts in posts:
            rules.check_facts(text, facts)

    all_posts()
    # What was compiled for other measures would be searched for cycles in the middle of this one.
    gc.freeze()
    return len(posts) / statistics.median(seconds(all_posts) for _ in range(rounds))


def rate_of_peer(posts: Sequence[Post], run: Callable[[str], object]) -> tuple[float, int]:
    """Posts per second of a peer, and how many posts it was given."""
    begun, read = time.process_time(), 0
    for text, _ in posts:
        run(text)
        read += 1
        if time.process_time() - begun > ENOUGH:
            break
    return read / (time.process_time() - begun), read


def parsing(sources: Mapping[str, bytes]) -> float:
    """Processor time of reading packs and compiling all their patterns."""
    return seconds(lambda: RuleSet.parse(sources))


def tell_compiling() -> RuleSet:
    """Print how long the shipped packs take, and how long a workspace waits for them afterwards; return them."""
    cold = seconds(load_packs)
    rules = load_packs()
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        checked = fresh.submit(parsing, dict(rules.sources)).result()
    parsing(rules.sources)
    changed = parsing({**rules.sources, "firm": OWN})
    with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
        settings = environment.load({"APPROVAL_DATA": folder})
        schema.upgrade(settings.database_url)
        connect(settings.database_url)
        firm = a_firm(Keys(settings.keys))
        with reading() as session:
            in_force(session, firm.workspace)
            again = seconds(lambda: in_force(session, firm.workspace))
    print(f"{len(rules.rules)} rules compiled in {cold:.2f} s; with every pattern at once {checked:.2f} s;", end=" ")
    print(f"with one rule more than before {changed:.2f} s;", end=" ")
    print(f"again from the cache, by digest {again * 1000:.1f} ms")
    return rules


def tell_peers(posts: Sequence[Post], rules: RuleSet) -> None:
    """Print a line for the engine and for each peer."""
    patterns = peers.probes(rules)
    engine = rate(posts, rules)
    print(f"  {'engine, findings explained':32}{engine:10,.0f} posts/s")

    def tell(name: str, peer: tuple[float, int]) -> None:
        told = f"  {name:32}{peer[0]:10,.0f} posts/s, ratio {engine / peer[0]:.3g}"
        print(told + ("" if peer[1] == len(posts) else f" (its first {peer[1]:,} posts)"), flush=True)

    tell(f"{len(patterns):,} patterns, re one by one", rate_of_peer(posts, peers.one_by_one(patterns)))
    try:
        linter = peers.proselint()
        linter(posts[0][0])
        tell("proselint, its own checks", rate_of_peer(posts, linter))
    except peers.Missing as reason:
        print(f"  proselint: {reason}")
    try:
        counted = peers.write_good([text for text, _ in posts])
        tell("write-good, its own checks", (len(posts) / counted.seconds, len(posts)))
    except peers.Missing as reason:
        print(f"  write-good: {reason}")
    tell_set(posts, patterns, tell)


def tell_set(posts: Sequence[Post], patterns: Sequence[str], tell: Callable[[str, tuple[float, int]], None]) -> None:
    """Print two lines: its automaton grows with every text that is new to it, so that a second pass is another thing.

    A pattern with a gap of some words multiplies the states, as RE2 makes them while it reads.
    """
    begun = time.process_time()
    try:
        says = peers.as_set(patterns)
    except peers.Missing as reason:
        print(f"  RE2 set: {reason}")
        return
    print(f"  RE2 set: compiled in {time.process_time() - begun:.1f} s, of at most {peers.MOST_MEMORY >> 20} MiB")
    first = rate_of_peer(posts, says)
    tell("RE2 set, yes or no, new posts", first)
    tell("the same posts again", rate_of_peer(posts[: first[1]], says))


def tell_scaling(posts: Sequence[Post], rules: RuleSet) -> None:
    """Print what a post costs with few rules, with those that ship, and with many."""
    few = reworded.fewer(rules, FEW)
    base = None
    for what, chosen in (
        ("drawn from the shipped ones", few),
        ("the shipped ones", rules),
        ("those 300 and reworded ones", reworded.more(few, MANY)),
        ("the shipped and reworded ones", reworded.more(rules, MANY)),
    ):
        cost = 1_000_000 / rate(posts, chosen, 1)
        base = base or cost
        found = sum(len(chosen.check_facts(*post)) for post in posts) / len(posts)
        told = (
            f"  {len(chosen.rules):5,} rules, {what:30} {cost:7,.0f} µs a post, {cost / base:.2f} times that of {FEW}"
        )
        print(f"{told}; {found:.1f} findings a post", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--posts", type=int, default=1_000)
    chosen = parser.parse_args()
    posts = given(chosen.file, chosen.posts) if chosen.file else list(generated(chosen.posts))
    rules = tell_compiling()
    found = sum(len(rules.check_facts(*post)) for post in posts)
    mean = statistics.fmean(len(text) for text, _ in posts)
    print(f"{len(posts):,} posts, mean {mean:.0f} characters, {found:,} findings")
    tell_peers(posts, rules)
    tell_scaling(posts[: max(200, len(posts) // 10)], rules)


if __name__ == "__main__":
    main()
