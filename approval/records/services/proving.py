"""The record itself: the entries of a log with what opens them, the checkpoint, the proof."""

from __future__ import annotations

import base64
import hmac
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from approval.audit.models import Opening
from approval.audit.queries.entries import Head
from approval.audit.queries.erasing import erased_under
from approval.audit.queries.hashes import fetch_from
from approval.db import Session
from approval.errors import ProofFailed
from approval.records.queries.selection import BATCH, Included, entries_at
from approval.records.services.archive import Archive
from approval.records.services.contents import names_content
from approval.records.services.vouching import cosigned, signing_key
from approval.tlog import ProofError, check_subset, leaf_hash, prove_subset, root, tile_reader

# Exact in canonical JSON: within a string the quotation marks would be escaped.
_COMMITMENT = re.compile(rb'\{"commitment":"([0-9a-f]{64})"\}')
_quoted = json.JSONEncoder(ensure_ascii=False).encode
_ALONG = re.compile(rb'"along":"([^"]+)"')


@dataclass(frozen=True)
class Proved:
    """What was written of one log: how many entries, who acted in them, how many stored values open nothing.

    `erased` says under which entries values were erased, and how many; `naming` which entries may name contents.
    """

    log: str
    vkey: str
    size: int
    entries: int
    actors: frozenset[str]
    unopened: int
    erased: Mapping[int, int]
    naming: array[int]


def write_log(
    archive: Archive, session: Session, head: Head, indexes: Sequence[int], *, closed: tuple[str, ...] = ()
) -> Proved:
    """Write the entries of *head*'s log at *indexes*, proved against its latest checkpoint as they are written.

    The free text of entries whose kinds begin as *closed* says stays closed.
    Raises ProofFailed where what is stored does not lead to the checkpoint.
    """
    folder = f"logs/{head.log}"
    if head.note is None:
        raise ProofFailed(f"{head.log} was never sealed")
    read = tile_reader(fetch_from(session, head.log))
    proof = prove_subset(indexes, head.sealed, read)
    lines = _Lines(session, head.log, closed)
    try:
        with archive.member(f"{folder}/entries.jsonl") as write:
            check_subset(lines.write(indexes, write), head.sealed, proof, root(head.sealed, read))
    except ProofError as error:
        raise ProofFailed(
            f"the entries of {head.log} do not lead to its checkpoint at {head.sealed} ({error}); "
            "`approval audit verify` names the first bad one"
        ) from error
    archive.add(f"{folder}/checkpoint", cosigned(session, head.log, head.sealed, head.note))
    archive.add(f"{folder}/proof", b"".join(base64.b64encode(hash_) + b"\n" for hash_ in proof))
    vkey = signing_key(session, head).to_text()
    return Proved(
        head.log,
        vkey,
        head.sealed,
        len(indexes),
        frozenset(lines.actors),
        lines.unopened,
        lines.erased,
        lines.naming,
    )


class _Lines:
    """The lines of entries.jsonl, and what is met on the way."""

    def __init__(self, session: Session, log: str, closed: tuple[str, ...]) -> None:
        self._session, self._log, self._closed = session, log, closed
        self.actors: set[str] = set()
        self.unopened = 0
        self.erased: Counter[int] = Counter()
        self.naming = array("q")

    def write(self, indexes: Sequence[int], write: Callable[[bytes], None]) -> Iterator[tuple[int, bytes]]:
        """Write each line, and yield each index with its leaf hash."""
        for batch in entries_at(self._session, self._log, indexes):
            openings = self._openings(batch)
            write(b"".join(_line(entry, openings.get(entry.index, ())) for entry in batch))
            for entry in batch:
                self.actors.add(entry.actor)
                self.actors.update(along.decode() for along in _ALONG.findall(entry.body))
                if names_content(entry.body):
                    self.naming.append(entry.index)
                yield entry.index, leaf_hash(entry.body)

    def _openings(self, batch: Sequence[Included]) -> dict[int, list[str]]:
        """Return what opens the commitments of these entries, by index; a value that opens nothing is left out."""
        open_ = (entry for entry in batch if not entry.kind.startswith(self._closed))
        named = [bytes.fromhex(hex_.decode()) for entry in open_ for hex_ in _COMMITMENT.findall(entry.body)]
        self.erased.update(erased_under(self._session, named))
        found: dict[int, list[str]] = {}
        for start in range(0, len(named), BATCH):
            rows = self._session.execute(
                select(Opening.commitment, Opening.index, Opening.salt, Opening.value).where(
                    Opening.log == self._log,
                    Opening.commitment.in_(named[start : start + BATCH]),
                    Opening.value.is_not(None),
                )
            )
            for commitment, index, salt, value in rows:
                if value and hmac.digest(salt, value.encode(), "sha256") == commitment:
                    line = f'{{"commitment":"{commitment.hex()}","salt":"{salt.hex()}","value":{value}}}'
                    found.setdefault(index, []).append(line)
                else:
                    self.unopened += 1
        return found


def _line(entry: Included, openings: Sequence[str]) -> bytes:
    return (
        f'{{"index":{entry.index},"entry":{_quoted(entry.body.decode())},"openings":[{",".join(openings)}]}}\n'.encode()
    )
