"""The firm's own texts for the rule workshop: the newest posts, and what went to review or out in some days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, select, true, union

from approval import clock
from approval.db import Session
from approval.people.queries import ChannelFacts, channels, workspace_facts
from approval.posts.models import Post, Revision
from approval.posts.payload import parse
from approval.posts.queries import media_words, parts
from approval.publishing.models import Publication
from approval.review.models import Submission
from approval.rules import Facts
from approval.screening.services.workshop import Words

NEWEST = 200
BATCH = 500


class Reader:
    """Reads texts of a workspace with the facts that rules ask for, as of today.

    `found` holds, for each key that was handed out, the post and its title.
    """

    def __init__(self, session: Session, workspace: str) -> None:
        firm = workspace_facts(session, workspace)
        self.found: dict[int, tuple[int, str]] = {}
        self.channels: Sequence[ChannelFacts] = channels(session, workspace)
        self._session, self._workspace = session, workspace
        today = clock.wall_time(clock.now(session), firm.zone).date()
        self._facts = Facts(entity_type=firm.entity_type, on=today)

    def newest(self) -> Iterator[Words]:
        """Yield the current texts of the newest posts; keys are ids of posts."""
        rows = self._session.execute(
            select(Post.id, Post.id, Revision.title, Revision.payload)
            .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
            .where(Post.workspace == self._workspace)
            .order_by(Post.id.desc())
            .limit(NEWEST)
        )
        for key, post, title, payload in rows:
            yield self._words(key, post, title, payload)

    def between(self, first: datetime, end: datetime, *, before: int | None) -> Iterator[Words]:
        """Yield each revision submitted or published from *first* until *end*, newest first, in batches.

        Keys are ids of revisions; it goes on after the key *before*.
        """
        asked = _asked(self._workspace, first, end).subquery()
        while True:
            rows = self._session.execute(
                select(Revision.id, Revision.post, Revision.title, Revision.payload)
                .join(asked, (asked.c.post == Revision.post) & (asked.c.revision == Revision.digest))
                .where(true() if before is None else Revision.id < before)
                .order_by(Revision.id.desc())
                .limit(BATCH)
            ).all()
            for before, post, title, payload in rows:
                yield self._words(before, post, title, payload)
            if len(rows) < BATCH:
                return

    def _words(self, key: int, post: int, title: str, payload: str) -> Words:
        self.found[key] = (post, title)
        said = parse(payload)
        facts = replace(self._facts, regime=said.regime, product=said.product, audience=said.audience)
        words = media_words(self._session, self._workspace, said.media)
        return Words(key, parts(said, self.channels, words), facts)


def _asked(workspace: str, first: datetime, end: datetime) -> CompoundSelect[Any]:
    """Posts and the digests of their revisions that were submitted or published then."""
    return union(
        select(Submission.post, Submission.revision).where(
            Submission.workspace == workspace, Submission.submitted_at >= first, Submission.submitted_at < end
        ),
        select(Publication.post, Publication.revision).where(
            Publication.workspace == workspace, Publication.published_at >= first, Publication.published_at < end
        ),
    )
