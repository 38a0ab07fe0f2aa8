"""Reading the stored hashes of a log, as the proofs of `tlog` ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from approval.audit.models import Entry, Node
from approval.db import Session
from approval.errors import ProofFailed
from approval.tlog import Fetch


def fetch_from(session: Session, log: str) -> Fetch:
    """Return a reader of the stored hashes of *log*: leaf hashes, and the roots of full tiles above them."""

    def fetch(level: int, first: int, last: int) -> Sequence[bytes]:
        if level == 0:
            query = select(Entry.leaf).where(Entry.log == log, Entry.index >= first, Entry.index < last)
            found = session.scalars(query.order_by(Entry.index)).all()
        else:
            query = select(Node.hash).where(Node.log == log, Node.level == level)
            found = session.scalars(query.where(Node.index >= first, Node.index < last).order_by(Node.index)).all()
        if len(found) != last - first:
            raise ProofFailed(f"{log}: hashes {first} to {last - 1} of level {level} are not all there")
        return found

    return fetch
