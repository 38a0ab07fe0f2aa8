"""What taking a suggestion's words would do: the edit, its cost on the network, and whether it answers the finding.

Judging a text of 1,500 characters that is full of claims takes 10 ms and more, so this is asked by itself, after the
findings are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from approval.db import Session
from approval.networks import NETWORKS, Network
from approval.rules import Finding, Severity, offered
from approval.screening.services import Part, check

MOST_EDITS = 20
MOST_JUDGED = 40_000
"""Characters that are judged again for one answer: twenty edits of 1,500 characters, fewer of a longer text."""


@dataclass(frozen=True)
class Edit:
    """The code points of a text from `start` to `end` become `words`; both are the same where nothing goes.

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
    """Return the edit that each rule suggests at its first place, by rule; of a long text only as many as are judged.

    *findings* are those of *text* on the network *channel*; *about* is what else `check` was told of it.
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
    return {rule: _judged(edit, rule, findings, after[str(n)]) for n, (rule, edit) in enumerate(tried)}


def _judged(edit: Edit, rule: str, before: Sequence[Finding], after: Sequence[Finding]) -> Edit:
    then, now = Counter(f.rule for f in before), Counter(f.rule for f in after)
    brings = {f.name: None for f in after if f.severity is not Severity.LOW and now[f.rule] > then[f.rule]}
    return replace(edit, settles=now[rule] < then[rule], brings=tuple(brings))


def _candidates(network: Network, text: str, findings: Sequence[Finding]) -> Iterator[tuple[str, Edit]]:
    """Each rule once, gravest first: its words in place of what was found, or at the end."""
    first: dict[str, Finding] = {}
    for found in findings:
        first.setdefault(found.rule, found)
    for found in sorted(first.values(), key=lambda found: -found.severity.rank):
        asked = offered(found.suggestion)
        if asked is None:
            continue
        words, inserted = asked
        if inserted or found.start is None or found.end is None:
            yield found.rule, _measured(network, text, len(text), len(text), _gap(network, text) + words)
        elif "<" not in found.match:  # A place may hold the tag that ends a link.
            yield found.rule, _measured(network, text, found.start, found.end, words)


def _gap(network: Network, text: str) -> str:
    """What stands between a text and a sentence after it."""
    if not text or text[-1].isspace():
        return ""
    if network.segments(text)[-1].kind != "plain":
        return "\n"
    return " " if text.endswith((".", "!", "?")) else ". "


def _measured(network: Network, text: str, start: int, end: int, words: str) -> Edit:
    before, after = network.count(text), network.count(text[:start] + words + text[end:])
    return Edit(start, end, words, after.used - before.used, before.remaining, before.unit, fits=not after.over)
