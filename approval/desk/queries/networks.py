"""On which networks posts go out, for lists: read from the first bytes of each payload."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sqlalchemy import func, select

from approval.db import Session
from approval.people.queries import channels
from approval.posts.models import Post, Revision

# RFC 8785 sorts keys: only "audience" stands before "channels", and twenty slugs of 63 characters fit.
_HEAD = 2_048
_CHANNELS = re.compile(r'"channels":(\[[^\]]*\])')


def networks_of(session: Session, workspace: str, posts: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Return the networks of each post, in order of its channels' names, each once."""
    wanted = set(posts)
    if not wanted:
        return {}
    known = {channel.name: channel.network for channel in channels(session, workspace)}
    rows = session.execute(
        select(Post.id, func.substr(Revision.payload, 1, _HEAD))
        .join(Revision, (Revision.post == Post.id) & (Revision.digest == Post.revision))
        .where(Post.id.in_(wanted))
    )
    return {id_: _networks(head, known) for id_, head in rows}


def _networks(head: str, known: dict[str, str]) -> tuple[str, ...]:
    found = _CHANNELS.search(head)
    names = json.loads(found[1]) if found else []
    return tuple(dict.fromkeys(known[name] for name in names if name in known))
