"""Giving a second opinion on a revision: what it resembles. It blocks nothing, and changes no finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from approval import clock
from approval.audit.services import record
from approval.db import Session
from approval.rules import Facts
from approval.screening import events
from approval.screening.models import SecondOpinion
from approval.screening.opinion import Encoder, Model, Sentence, sentences
from approval.screening.queries import Resemblance, StoredFinding
from approval.screening.services.judging import Part
from approval.screening.services.rules import RulesInForce

if TYPE_CHECKING:
    from approval.screening.opinion.nearest import Bank

MOST_SENTENCES = 60
"""Sentences of one post that are read: five channels with a dozen each."""
LONGEST_SECONDS = 10.0
"""After so long no further sentence is read; one takes about 10 ms of a core."""


@dataclass(frozen=True)
class Question:
    """A revision that waits for an opinion: its texts, the facts of the post, what the rules found, and the rules."""

    workspace: str
    post: int
    revision: bytes
    texts: tuple[Part, ...]
    facts: Facts
    found: tuple[StoredFinding, ...]
    rules: RulesInForce


@dataclass(frozen=True)
class Opinion:
    """What a model made of a revision: it has `sentences`, of which so many were `read`."""

    model: Model
    resemblances: tuple[Resemblance, ...]
    sentences: int
    read: int


def opine(question: Question, bank: Bank, encoder: Encoder, *, within: float = LONGEST_SECONDS) -> Opinion:
    """Compare the sentences of a revision with the examples in *bank*, for at most so many seconds."""
    until = clock.monotonic() + within
    asked = tuple(_distinct(question.texts))
    covered: dict[str | None, frozenset[str]] = {}
    resemblances: list[Resemblance] = []
    read = 0
    for part, sentence in asked[:MOST_SENTENCES]:
        if clock.monotonic() > until:
            break
        if part.network not in covered:
            covered[part.network] = _covering(question, part.network)
        nearest = bank.nearest(encoder.encode([sentence.text])[0], covered[part.network])
        read += 1
        if nearest is not None:
            thousandths = round(nearest.similarity * 1000)
            is_found = any(_touches(finding, part, sentence) for finding in question.found)
            resemblances.append(
                Resemblance(str(part.part), sentence.start, sentence.end, nearest.rule, thousandths, is_found)
            )
    return Opinion(encoder.model, tuple(resemblances), len(asked), read)


def give(session: Session, question: Question, opinion: Opinion, *, by: str) -> SecondOpinion:
    """Store an opinion beside the findings, with what gave it; a revision has one."""
    row = SecondOpinion(
        workspace=question.workspace,
        revision=question.revision,
        rule_set=question.rules.digest,
        model=opinion.model.name,
        model_version=opinion.model.version,
        resemblances=[asdict(one) for one in opinion.resemblances],
        sentences=opinion.sentences,
        read=opinion.read,
        at=clock.now(session),
    )
    session.add(row)
    happened = events.SecondOpinionGiven(
        by=by,
        workspace=row.workspace,
        post=question.post,
        revision=row.revision,
        rule_set=row.rule_set,
        model=row.model,
        model_version=row.model_version,
        resemblances=len(opinion.resemblances),
    )
    record(session, happened, row)
    session.flush()
    return row


def _distinct(texts: Iterable[Part]) -> Iterator[tuple[Part, Sentence]]:
    """Every sentence once, at its first place: channels mostly say the same. No more of a part than could be read."""
    seen: set[str] = set()
    for part in texts:
        for sentence in islice(sentences(part.text), MOST_SENTENCES + 1):
            if sentence.text not in seen:
                seen.add(sentence.text)
                yield part, sentence


def _covering(question: Question, network: str | None) -> frozenset[str]:
    """The rules that apply to a post with these facts on this network."""
    facts = replace(question.facts, channel=network)
    return frozenset(rule.id for rule in question.rules.rules.rules if rule.scope.covers(facts))


def _touches(finding: StoredFinding, part: Part, sentence: Sentence) -> bool:
    if finding.part != part.part or finding.start is None or finding.end is None:
        return False
    return finding.start < sentence.end and sentence.start < finding.end
