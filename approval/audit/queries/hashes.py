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
            column, index, where = Entry.leaf, Entry.index, (Entry.log == log,)
        else:
            column, index, where = Node.hash, Node.index, (Node.log == log, Node.level == level)
        found = session.scalars(select(column).where(*where, index >= first, index < last).order_by(index)).all()
        if len(found) != last - first:
            raise ProofFailed(f"{log}: hashes {first} to {last - 1} of level {level} are not all there")
        return found

    return fetch
