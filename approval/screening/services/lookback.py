"""Judging many texts again, in order, on several processes; what is in hand stays bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

from approval.rules import Facts, RuleSet, Severity

CHUNK = 500
_IN_HAND = 3
"""Chunks that each process has waiting."""


@dataclass(frozen=True)
class Text:
    """A text to judge again; `key` is whatever the caller knows it by."""

    key: int
    text: str
    facts: Facts


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a text today: rule id to severity, of medium and graver."""

    key: int
    found: Mapping[str, str]


def rescreen(packs: Mapping[str, bytes], texts: Iterable[Text], *, workers: int = 1) -> Iterator[Verdict]:
    """Judge *texts* under *packs* and yield a verdict for each, in order."""
    if workers == 1:
        rules = RuleSet.parse(packs, checked=False)
        yield from (_verdict(rules, text) for text in texts)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _learn, (dict(packs),)) as pool:
        waiting: deque[Future[list[Verdict]]] = deque()
        rest = iter(texts)
        while chunk := tuple(islice(rest, CHUNK)):
            waiting.append(pool.submit(_judge, chunk))
            if len(waiting) >= workers * _IN_HAND:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


_learned: list[RuleSet] = []


def _learn(packs: Mapping[str, bytes]) -> None:
    _learned[:] = [RuleSet.parse(packs, checked=False)]


def _judge(chunk: tuple[Text, ...]) -> list[Verdict]:
    return [_verdict(_learned[0], text) for text in chunk]


def _verdict(rules: RuleSet, text: Text) -> Verdict:
    graver = (f for f in rules.check_facts(text.text, text.facts) if f.severity is not Severity.LOW)
    return Verdict(text.key, {finding.rule: finding.severity.value for finding in graver})
