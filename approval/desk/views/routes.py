"""The blueprint of the desk, and how its views reach one post."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, g

from approval.capabilities import Capability
from approval.db import Session, transaction
from approval.errors import NotFound
from approval.posts.models import Post
from approval.posts.queries import post_for_change
from approval.web.identity import NOT_HERE, ensure_may, origin, unseen

blueprint = Blueprint("desk", __name__)


@contextmanager
def changing(post_id: int) -> Iterator[tuple[Session, Post]]:
    """Open the transaction of an act on a post, held until its end; for strangers there is no such post."""
    with transaction(origin()) as session:
        with unseen():
            post = post_for_change(session, post_id)
        ensure_readable(post)
        yield session, post


def ensure_readable(post: Post | None) -> None:
    """Refuse a post that is not there or not for this reader, in the same words; the page is in its workspace."""
    if post is None:
        raise NotFound(NOT_HERE)
    ensure_may(Capability.READ, post)
    g.shown_workspace = post.workspace
