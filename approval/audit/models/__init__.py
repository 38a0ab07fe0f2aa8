"""The rows of the log, and the mark that makes other rows witnessed by it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from approval.audit.events import INSTALLATION
from approval.db import INSERT_ONLY, Base, Digest

WITNESS = "witness"
PERSONAL: dict[Any, Any] = {WITNESS: "personal"}
"""Personal data or free text: the image holds a salted commitment, the value stands in `opening`."""
SECRET: dict[Any, Any] = {WITNESS: "secret"}
"""A stored secret: the image holds a commitment of its stored form; only the salt stands in `opening`."""
CONTENT: dict[Any, Any] = {WITNESS: "content"}
"""Content: the image holds the SHA-256 of its bytes."""
PLAIN: dict[Any, Any] = {WITNESS: "plain"}
"""A plain fact in a text or JSON column."""
ABSENT = "absent"
"""Of a column that a migration added: what the images made before it say of the column by not naming it."""


class Witnessed:
    """A row that may only change together with an entry that explains it.

    The row's log is its `workspace` column, or the installation's log where there is none.
    """

    log_column: ClassVar[str | None] = "workspace"

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if issubclass(cls, Base):
            WITNESSED[cls.__tablename__] = cls

    @classmethod
    def log_of(cls, image: dict[str, Any]) -> str:
        """Return the name of the log that witnesses a row with these column values."""
        if cls.log_column is None:
            return INSTALLATION
        return image[cls.log_column] or INSTALLATION


WITNESSED: dict[str, type[Witnessed]] = {}
"""Every witnessed table by name, with its class."""


class InsertOnly:
    """A row of the log itself: inserted once, never changed. One unique constraint, no rowid on SQLite."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        INSERT_ONLY.add(cls.__tablename__)  # type: ignore[attr-defined]


_LOG_ROW = "it is the log"
_NO_ROWID = {"sqlite_with_rowid": False}


class Entry(InsertOnly, Base):
    """One leaf of one log: its canonical bytes, and columns derived from them for finding it."""

    __tablename__ = "entry"
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32))
    kind: Mapped[str] = mapped_column(String(48))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    post: Mapped[int | None] = mapped_column(Integer)
    act: Mapped[str] = mapped_column(String(32))

    __table_args__ = (
        Index(None, "log", "kind", "index"),
        Index(None, "log", "actor", "index"),
        Index(None, "log", "post", "index"),
        Index(None, "log", "at"),
        _NO_ROWID,
    )


class Opening(InsertOnly, Base):
    """What a commitment commits to: its salt and, unless it is a secret, its value as canonical JSON."""

    __tablename__ = "opening"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    commitment: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    log: Mapped[str] = mapped_column(String(63))
    index: Mapped[int] = mapped_column(BigInteger)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    value: Mapped[str | None] = mapped_column(Text)


class Erased(InsertOnly, Base):
    """A commitment that was erased, and the `erased` entry of its log that names it: what lets its opening go."""

    __tablename__ = "erased"
    __table_args__ = (Index(None, "log", "index"), _NO_ROWID)
    unwitnessed = _LOG_ROW

    commitment: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    log: Mapped[str] = mapped_column(String(63))
    index: Mapped[int] = mapped_column(BigInteger)


class Node(InsertOnly, Base):
    """The hash of a complete subtree of 256^level leaves (level 1 and up): the tiles above the leaves."""

    __tablename__ = "node"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Checkpoint(InsertOnly, Base):
    """A signed tree head."""

    __tablename__ = "checkpoint"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class Log(Base):
    """The head of one log: how many entries it has. Locked while entries are appended."""

    __tablename__ = "log"
    unwitnessed = "a head: the size can be recomputed from the entries"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    origin: Mapped[str] = mapped_column(String(200), unique=True)
    vkey: Mapped[str] = mapped_column(String(300))
    size: Mapped[int] = mapped_column(BigInteger, default=0)


class Sealing(Base):
    """The lock that every sealer of a log holds, with the size it sealed last."""

    __tablename__ = "sealing"
    unwitnessed = "a lock: the checkpoints say what was sealed"

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)


class Anchor(InsertOnly, Base):
    """Proof from outside of when a checkpoint existed: an RFC 3161 response, unchanged, over its three lines."""

    __tablename__ = "anchor"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    token: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]


class Cosignature(InsertOnly, Base):
    """A witness's signature line over a checkpoint, unchanged: the largest tree of the log that it had seen by then."""

    __tablename__ = "cosignature"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(200), primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class WormCopy(InsertOnly, Base):
    """An object that lies in the write-once copy: its version, the SHA-256 of its bytes, until when it is locked."""

    __tablename__ = "worm_copy"
    __table_args__ = _NO_ROWID
    unwitnessed = _LOG_ROW

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str] = mapped_column(String(1024))
    sha256: Mapped[bytes] = mapped_column(Digest)
    until: Mapped[datetime]
    at: Mapped[datetime]


class Outpost(Base):
    """How far a place outside (a witness, or the write-once copy) holds a log, who is at it, and what is wrong."""

    __tablename__ = "outpost"
    unwitnessed = "claims and alarms: what the place outside answered has rows and entries of its own"

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[datetime | None]
    busy_until: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(300))
    bundles: Mapped[int] = mapped_column(BigInteger, default=0)
    proved_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    alarmed_at: Mapped[datetime | None]
    alarm: Mapped[str | None] = mapped_column(String(300))


class RevokedKey(Witnessed, Base):
    """A verifier key that was revoked, and why: what it alone signed beyond `last_size` entries is in doubt."""

    __tablename__ = "revoked_key"

    vkey: Mapped[str] = mapped_column(String(300), primary_key=True, info=PLAIN)
    workspace: Mapped[str | None] = mapped_column(String(63), info=PLAIN)
    since: Mapped[datetime]
    last_size: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    by: Mapped[str] = mapped_column(String(80), info=PLAIN)


class Watch(Base):
    """What is watched of a log: whether it is sealed, verified, beating and anchored, and who is at it (claims)."""

    __tablename__ = "watch"
    unwitnessed = "claims and alarms: what was found has its own entry"

    log: Mapped[str] = mapped_column(String(63), primary_key=True)
    since: Mapped[datetime]
    refused_at: Mapped[datetime | None]
    refusal: Mapped[str | None] = mapped_column(String(24))
    refusal_noted_at: Mapped[datetime | None]
    checking_until: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    good_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(300))
    beaten_through: Mapped[date | None]
    anchoring_until: Mapped[datetime | None]
    anchor_problem: Mapped[str | None] = mapped_column(String(300))
    told_at: Mapped[datetime | None]
