"""What taking a suggestion's words would do: the edit, its cost on the network, and whether it answers the finding.

Judging a text of 1,500 characters that is full of claims takes 10 ms and more, so this is asked by itself, after the
findings are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from approval.db import Session
from approval.desk.queries.wording import Way, ways
from approval.networks import NETWORKS, Network
from approval.rules import Finding, Severity
from approval.screening.services import Part, check

MOST_EDITS = 20
MOST_JUDGED = 40_000
"""Characters that are judged again for one answer: twenty edits of 1,500 characters, fewer of a longer text."""


@dataclass(frozen=True)
class Edit:
    """The code points of a text from `start` to `end` become `words`; both are the same where nothing goes.

    `told`: the rule's suggestion quotes the words. Otherwise they are what is left when a person strikes some.

    `adds` and `left`, what was left before, are in the network's own `unit`. `settles`: the rule finds less than
    before. `brings`: the names of the rules of medium and graver that find more than before.
    """

    start: int
    end: int
    words: str
    adds: int
    left: int
    unit: str
    fits: bool
    told: bool
    settles: bool = False
    brings: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nobody would ask for another edit instead."""
        return self.fits and self.settles and not self.brings

    def of(self, text: str) -> str:
        """Return *text* with the edit made."""
        return text[: self.start] + self.words + text[self.end :]

    def as_json(self) -> dict[str, Any]:
        """The edit as the API answers it."""
        return asdict(self)


def edits(
    session: Session, workspace: str, text: str, findings: Sequence[Finding], *, channel: str, **about: str | None
) -> dict[str, Edit]:
    """Return the edit that answers each rule at its first place, by rule; of a long text only as many as are judged.

    Words that a suggestion quotes are told of even where they would not do. *findings* are those of *text* on the
    network *channel*; *about* is what else `check` was told of it.
    """
    network = NETWORKS.get(channel)
    if network is None:
        return {}
    most = min(MOST_EDITS, MOST_JUDGED // max(len(text), 1))
    tried = tuple(islice(_candidates(network, text, findings), most))
    parts = [Part(str(n), channel, edit.of(text)) for n, (_, edit) in enumerate(tried)]
    after: dict[str, list[Finding]] = {part.part or "": [] for part in parts}
    for found in check(session, workspace, parts, **about) if parts else ():
        # Where the engine failed, the one finding is of no part, and no edit settles anything.
        after.setdefault(found.part or "", []).append(found)
    if "" in after:
        return {}
    return _best((rule, _judged(edit, rule, findings, after[str(n)])) for n, (rule, edit) in enumerate(tried))


def _best(judged: Iterable[tuple[str, Edit]]) -> dict[str, Edit]:
    """The first good edit of each rule; where none is, the words that its suggestion quotes."""
    kept: dict[str, Edit] = {}
    for rule, edit in judged:
        if (edit.good or edit.told) and (rule not in kept or (edit.good and not kept[rule].good)):
            kept[rule] = edit
    return kept


def _judged(edit: Edit, rule: str, before: Sequence[Finding], after: Sequence[Finding]) -> Edit:
    then, now = Counter(f.rule for f in before), Counter(f.rule for f in after)
    more = [f for f in after if f.severity is not Severity.LOW and now[f.rule] > then[f.rule]]
    others = [f for f in before if f.rule != rule]
    brings = {f.name: None for f in more if not _lacking_already(f, others, now)}
    return replace(edit, settles=now[rule] < then[rule], brings=tuple(brings))


def _lacking_already(found: Finding, before: Iterable[Finding], now: Counter[str]) -> bool:
    """Whether *found* only tells of what the text lacked before, in place of another rule of its topic."""
    return found.start is None and any(
        f.start is None and f.topic == found.topic and f.severity.rank >= found.severity.rank and not now[f.rule]
        for f in before
    )


def _candidates(network: Network, text: str, findings: Sequence[Finding]) -> Iterator[tuple[str, Edit]]:
    """What could answer each rule at its first place, gravest first."""
    first: dict[str, Finding] = {}
    for found in findings:
        first.setdefault(found.rule, found)
    for found in sorted(first.values(), key=lambda found: -found.severity.rank):
        for way in ways(network, text, found):
            yield found.rule, _measured(network, text, way)


def _measured(network: Network, text: str, way: Way) -> Edit:
    before, after = network.count(text), network.count(text[: way.start] + way.words + text[way.end :])
    return Edit(
        start=way.start,
        end=way.end,
        words=way.words,
        adds=after.used - before.used,
        left=before.remaining,
        unit=before.unit,
        fits=not after.over,
        told=way.told,
    )
