"""What keeps a draft from being submitted: every item, each with where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from approval import clock
from approval.db import Session
from approval.errors import NotFound, Problem
from approval.networks import NETWORKS
from approval.people.queries import ChannelFacts, channels
from approval.posts.draft import Draft
from approval.posts.models import Post
from approval.posts.payload import Payload
from approval.posts.queries.revisions import editors, payload_of
from approval.screening.queries import StoredFinding, open_blocks
from approval.screening.services import digest_in_force


def draft_problems(session: Session, draft: Draft) -> tuple[Problem, ...]:
    """Return everything that would refuse *draft* at submit, what the rules find left aside (`screening.check`)."""
    known = channels(session, draft.workspace)
    return _distinct(_problems(draft.payload, draft.publish_at, known, now=clock.now(session)))


def problems(session: Session, post: Post) -> tuple[Problem, ...]:
    """Return everything that refuses *post* at submit, blocking findings of the rules in force included.

    Screen it under those rules first (`services.screen_again`). A finding that only an editor of the post
    accepted still blocks.
    """
    payload = payload_of(session, post.workspace, post.revision)
    known = channels(session, post.workspace)
    found = [*_problems(payload, post.wanted_at, known, now=clock.now(session)), *_blocked(session, post)]
    return _distinct(found)


def _distinct(found: Iterator[Problem] | Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(found))


def _blocked(session: Session, post: Post) -> Iterator[Problem]:
    rule_set = digest_in_force(session, post.workspace)
    try:
        blocks = open_blocks(session, post.workspace, post.revision, rule_set, not_by=editors(session, post.id))
    except NotFound:
        yield Problem("", "The rules changed since this was saved: it must be screened again.")
        return
    for found in blocks:
        yield Problem(found.part or "", _block(found))


def _block(found: StoredFinding) -> str:
    place = "" if found.start is None else f" “{found.match[:80]}” (character {found.start + 1:,})"
    return f"{found.name} ({found.rule}):{place} {found.message} Rephrase it, or have compliance accept it by name."


def _problems(
    payload: Payload, wanted_at: datetime | None, known: Sequence[ChannelFacts], *, now: datetime
) -> Iterator[Problem]:
    by_name = {channel.name: channel for channel in known}
    if not payload.texts:
        yield Problem("texts", "Choose a channel and write its text.")
    for name, text in sorted(payload.texts.items()):
        yield from _channel_problems(name, text, payload, by_name.get(name))
    for n, attached in enumerate(payload.media):
        if not attached.alt.strip():
            what = f"Image {n + 1} has no alternative text. Describe it for people who cannot see it."
            yield Problem(f"alt.{n}", what)
    yield from _window_problems(payload, wanted_at, now)


def _channel_problems(name: str, text: str, payload: Payload, channel: ChannelFacts | None) -> Iterator[Problem]:
    where = f"texts.{name}"
    network = NETWORKS.get(channel.network) if channel else None
    if channel is None or network is None:
        yield Problem(where, f"The channel {name} does not exist any more: leave it out.")
        return
    if channel.closed:
        yield Problem(where, f"The channel {name} is closed: leave it out.")
    alts = [attached.alt for attached in payload.media]
    for found in network.problems(text, images=len(alts), alts=alts):
        yield Problem(where if found.where == "text" else found.where, found.what)
    for n, disclosure in enumerate(payload.disclosures):
        if _folded(disclosure) not in _folded(text):
            what = f"The disclosure “{disclosure[:80]}” does not stand in the text for {name}: add it there."
            yield Problem(f"disclosures.{n}", what)


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def _window_problems(payload: Payload, wanted_at: datetime | None, now: datetime) -> Iterator[Problem]:
    if payload.not_after is not None and payload.not_after <= now:
        yield Problem("not_after", "The window is over: give a later end, or leave it open.")
    if wanted_at is None:
        return
    if payload.not_before is not None and wanted_at < payload.not_before:
        yield Problem("publish_at", "The wished time lies before the window begins.")
    if payload.not_after is not None and wanted_at > payload.not_after:
        yield Problem("publish_at", "The wished time lies after the window ends.")
