"""Dating checkpoints from outside: RFC 3161 tokens over their three lines, checked before they are kept.

Signatures are left out of what is dated, so that a token stays valid when a checkpoint is signed by more keys.
A token says that the log had this root no later than its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from sqlalchemy import Select, insert, or_, select, update

from approval import clock
from approval.audit.models import Anchor, Checkpoint, Sealing, Watch
from approval.db import Session
from approval.errors import BadSetting, NotAnchored
from approval.tlog import Note

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

RFC3161 = "rfc3161"
TAKES = timedelta(minutes=5)
"""How long a request is left to the worker that makes it."""
AGAIN_AFTER = timedelta(minutes=1)
PAUSE = timedelta(seconds=10)
"""How often one log asks at most, however much is decided in it."""
MOST_WORDS = 300
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_HEADERS = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}

Ask = Callable[[str, bytes, Mapping[str, str]], tuple[int, bytes]]
"""ask(url, body, headers) posts a request and answers status and body; NotAnchored where no answer came."""


@dataclass(frozen=True)
class Undated:
    """A checkpoint to be dated: its log, its size and its three lines."""

    log: str
    size: int
    text: bytes


def claim_undated(session: Session, log: str) -> Undated | None:
    """Take up the newest checkpoint of *log*; None where another worker is at it, or it is dated."""
    now = clock.now(session)
    claimed = session.execute(
        update(Watch)
        .where(Watch.log == log, or_(Watch.anchoring_until.is_(None), Watch.anchoring_until <= now))
        .values(anchoring_until=now + TAKES)
        .returning(Watch.log)
    )
    if claimed.first() is None:
        return None
    row = session.execute(
        select(Checkpoint.size, Checkpoint.note)
        .join(Sealing, (Sealing.log == Checkpoint.log) & (Sealing.size == Checkpoint.size))
        .where(Checkpoint.log == log, ~_dated(log).where(Anchor.size == Checkpoint.size).exists())
    ).one_or_none()
    return Undated(log, row.size, Note.from_bytes(row.note.encode()).text.encode()) if row else None


def _dated(log: str) -> Select[Any]:
    return select(Anchor.size).where(Anchor.log == log, Anchor.kind == RFC3161)


def dated(undated: Undated, *, url: str, ca: Path | None, ask: Ask) -> bytes:
    """Ask the authority at *url* for a token and return its response as it came, checked; NotAnchored otherwise."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise NotAnchored("the extra `timestamp` is not installed: pip install 'approval[timestamp]'") from error
    request = TimestampRequestBuilder().data(undated.text).hash_algorithm(HashAlgorithm.SHA256).build()
    status, answer = ask(url, request.as_bytes(), _HEADERS)
    if status != 200:
        raise NotAnchored(f"the authority answered with status {status}")
    ensure_dates(answer, undated.text, request, roots=_roots(ca))
    return answer


def ensure_dates(answer: bytes, text: bytes, request: TimeStampRequest, *, roots: Sequence[x509.Certificate]) -> None:
    """Ensure that *answer* is a granted token of *request* over *text*, signed under *roots* if there are any."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(answer)
        _ensure_asked_for(response, text, request)
        if roots:
            VerifierBuilder(roots=list(roots), nonce=request.nonce).build().verify(response, sha256(text).digest())
    except VerificationError as error:
        raise NotAnchored(f"nobody vouches for the token: {error}") from error
    except ValueError as error:
        raise NotAnchored(f"the answer is no token: {error}") from error


def _ensure_asked_for(response: TimeStampResponse, text: bytes, request: TimeStampRequest) -> None:
    if response.status != 0:
        raise NotAnchored(f"the authority refused, with status {response.status}")
    imprint = response.tst_info.message_imprint
    if imprint.hash_algorithm != _SHA256 or imprint.message != sha256(text).digest():
        raise NotAnchored("the token is of something else than this checkpoint")
    if response.tst_info.nonce != request.nonce:
        raise NotAnchored("the token answers another request: its nonce differs")


def _roots(ca: Path | None) -> list[x509.Certificate]:
    if ca is None:
        return []
    try:
        return x509.load_pem_x509_certificates(ca.read_bytes())
    except (OSError, ValueError) as error:
        raise BadSetting("APPROVAL_TIMESTAMP_CA", str(ca), f"name a PEM file of certificates ({error})") from error


def keep_token(session: Session, undated: Undated, token: bytes) -> None:
    """Keep the token of a checkpoint, beside it and for good."""
    now = clock.now(session)
    if session.scalar(_dated(undated.log).where(Anchor.size == undated.size)) is None:
        row = {"log": undated.log, "size": undated.size, "kind": RFC3161, "token": token, "at": now}
        session.execute(insert(Anchor).values(**row))
    done = {"anchoring_until": now + PAUSE, "anchor_problem": None}
    session.execute(update(Watch).where(Watch.log == undated.log).values(**done))


def put_off(session: Session, undated: Undated, problem: str) -> None:
    """Note why a checkpoint was not dated; it is tried again after a minute."""
    later = {"anchoring_until": clock.now(session) + AGAIN_AFTER, "anchor_problem": problem[:MOST_WORDS]}
    session.execute(update(Watch).where(Watch.log == undated.log).values(**later))
