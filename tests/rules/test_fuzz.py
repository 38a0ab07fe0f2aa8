"""Any text is answered and any pack is read or refused, without an exception and in bounded time.

`make fuzz` runs each test as long as APPROVAL_FUZZ_SECONDS says (an hour where it says nothing), from a new seed;
the suite runs both for seconds, from one seed. A failure names seed and number: `a_text(seed, number)` makes it again.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest
from rules.composing import RULES, mutated, repeated, some_facts, some_text

from approval.rules import LARGEST, Facts, RuleError, RuleSet, failures

FUZZ = bool(os.environ.get("APPROVAL_FUZZ"))
SECONDS = float(os.environ.get("APPROVAL_FUZZ_SECONDS") or (3600 if FUZZ else 10))
SEED = int(os.environ.get("APPROVAL_FUZZ_SEED") or (secrets.randbits(32) if FUZZ else 7))
EVERY_LARGE = 2_000
"""One text in so many is as long as a text may be; the suite has its own megabytes in `test_ruleset`."""

LEAST, PER_THOUSAND = 0.25, 0.02
"""Seconds of one processor that any text may take, and that 1,000 characters may take; a post takes 0.002."""
PARSE = 10.0
"""Seconds of one processor that a pack of a few rules may take."""


@dataclass
class Slowest:
    """What took longest beside what it might have taken."""

    share: float = 0.0
    number: int = -1

    def note(self, number: int, share: float) -> None:
        if share > self.share:
            self.share, self.number = share, number


def a_text(seed: int, number: int) -> tuple[str, Facts]:
    random = Random(f"{seed}:{number}")
    text = repeated(random, LARGEST) if FUZZ and number % EVERY_LARGE == EVERY_LARGE - 1 else some_text(random)
    return text, some_facts(random)


def some_packs(seed: int, number: int) -> dict[str, bytes]:
    return mutated(Random(f"{seed}:{number}"))


def numbers() -> Iterator[int]:
    """0, 1, 2 … for as long as the run lasts."""
    end, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        yield number
        number += 1


def seconds_of(act: Callable[[], object]) -> float:
    """Seconds of this process; the less of two where the first is long: patterns are compiled when first needed."""
    taken = []
    while len(taken) < 2 and (not taken or taken[0] > LEAST / 2):
        begun = time.process_time()
        act()
        taken.append(time.process_time() - begun)
    return min(taken)


def ensure_answered(rules: RuleSet, text: str, facts: Facts) -> None:
    """Fail unless each finding stands in the text, where it says, and can be told."""
    for finding in rules.check_facts(text, facts):
        finding.as_json()
        if finding.start is None or finding.end is None:
            assert (finding.start, finding.end, finding.match) == (None, None, "")
        else:
            assert 0 <= finding.start < finding.end <= len(text)
            assert text[finding.start : finding.end] == finding.match


def test_any_text_is_answered_in_bounded_time(capsys: pytest.CaptureFixture[str]) -> None:
    slowest, count = Slowest(), 0
    for number in numbers():
        text, facts = a_text(SEED, number)
        try:
            taken = seconds_of(lambda: ensure_answered(RULES, text, facts))  # noqa: B023
        except Exception as error:
            raise AssertionError(f"a_text({SEED}, {number}), {len(text)} characters: {text[:200]!r}") from error
        slowest.note(number, taken / (LEAST + PER_THOUSAND * len(text) / 1_000))
        assert slowest.share < 1, (
            f"a_text({SEED}, {number}), {len(text)} characters, took {taken:.2f} s: {text[:200]!r}"
        )
        count += 1
    assert count
    with capsys.disabled():
        if FUZZ:
            print(f"\n{count:,} texts in {SECONDS:.0f} s, seed {SEED}; the slowest, {slowest.number}, took", end=" ")
            print(f"{slowest.share:.0%} of its bound")


ONCE_SLOW = {
    # Each of one kind was weighed against each of the other: 1.3 s for 1,000 characters.
    "pairs in one sentence": ("CHN207", ("🚀 " * 300 + "x " * 20 + "$hlxr " * 100 + ". ") * 20),
    "pairs far apart": ("CHN207", "🚀. " * 8_000 + "x. " + "$hlxr. " * 3_000),
    # The letters before a thin blank were looked for from each letter on: 3 s, and four times that for twice as many.
    "one thin blank beside a long word": ("CHN206", "g\u2009o " + "h" * 20_000),
    # The place of each handle was counted from the beginning of the text: 3.6 s, and four times that for twice as many.
    "handles after a wide character": ("CHN206", "漢" + "@abc " * 10_000),
}


@pytest.mark.parametrize(("rule", "text"), ONCE_SLOW.values(), ids=ONCE_SLOW.keys())
def test_what_was_once_slow_takes_no_longer_than_any_text(rule: str, text: str) -> None:
    taken = seconds_of(lambda: ensure_answered(RULES, text, RULES.rule(rule).flags[0].facts))
    assert taken < LEAST + PER_THOUSAND * len(text) / 1_000


def test_any_pack_is_read_or_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    read, refused, texts = 0, 0, Random(SEED)
    for number in numbers():
        sources = some_packs(SEED, number)
        begun = time.process_time()
        try:
            rules = RuleSet.parse(sources)
            list(failures(rules))
            ensure_answered(rules, some_text(texts), some_facts(texts))
            read += 1
        except RuleError as error:
            assert error.reason and str(error)
            refused += 1
        except Exception as error:
            raise AssertionError(f"some_packs({SEED}, {number}), seed and number") from error
        taken = time.process_time() - begun
        assert taken < PARSE, f"some_packs({SEED}, {number}) took {taken:.1f} s"
    assert read and refused, "some mistakes break a pack, and some do not"
    with capsys.disabled():
        if FUZZ:
            print(f"\n{read + refused:,} packs in {SECONDS:.0f} s, seed {SEED}: {read:,} read, {refused:,} refused")
