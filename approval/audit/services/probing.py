"""Proving a bucket before anything is trusted to it: what a write-once copy must refuse is tried on it.

Each attempt is judged twice, by the answer and by what lies there afterwards. Some must succeed: they show that the
credentials have the right, so that what is refused is refused by the lock and not for want of a permission.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from approval.audit.models.bucket import COMPLIANCE, GOVERNANCE, Bucket, Locked, Refused
from approval.errors import OutpostFailed

LOCKED_FOR = timedelta(days=1)
"""What a probe leaves behind is locked for two days at most."""
_FIRST, _SECOND = b"what was written first", b"what was written over it"


@dataclass(frozen=True)
class Step:
    """One attempt: what was tried, whether the bucket did as a write-once copy must, and what it did."""

    what: str
    holds: bool
    detail: str


def probe(bucket: Bucket, now: datetime) -> Iterator[Step]:
    """Try everything on one small object, step by step."""
    key = f"probe/{secrets.token_hex(8)}"
    until = (now + LOCKED_FOR).replace(microsecond=0)
    version = bucket.put(key, _FIRST, until=until) or ""
    yield _step("an object is written and locked", _lies(bucket, key, version, until))
    yield _step("a second write under its name is refused", _taken_once(bucket, key, version, until))
    yield _step("overwriting adds a version and leaves the first", _kept_below(bucket, key, version, until))
    later = until + timedelta(days=1)
    yield _step("its lock can be extended (so these credentials may set locks)", _extends(bucket, key, version, later))
    attempts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("its lock cannot be shortened", lambda: bucket.retain(key, version, mode=COMPLIANCE, until=until)),
        ("its mode cannot be changed", lambda: bucket.retain(key, version, mode=GOVERNANCE, until=later)),
        ("it cannot be deleted", lambda: bucket.delete(key, version)),
    )
    for what, attempt in attempts:
        yield _step(what, _withstands(bucket, key, version, later, attempt))
    yield _step("deleting its name hides it and deletes nothing", _hides(bucket, key, version, later))


def ensure_holds(steps: Iterator[Step]) -> int:
    """Ensure that a bucket holds what is written there, and return how many attempts it withstood."""
    count = 0
    for step in steps:
        if not step.holds:
            raise OutpostFailed(f"the bucket is no write-once copy: {step.what}: {step.detail}")
        count += 1
    return count


def _step(what: str, wrong: str | None) -> Step:
    return Step(what, wrong is None, wrong or "yes")


def _lies(bucket: Bucket, key: str, version: str, until: datetime) -> str | None:
    """Return what is wrong with the first version: gone, another lock, or other bytes."""
    if not version:
        return "the bucket keeps no versions"
    there: Locked | None = bucket.head(key, version)
    if there is None:
        return "the object is gone"
    if there.mode != COMPLIANCE or there.until != until:
        return f"the bucket says {there.mode or 'no mode'}, {there.until or 'no date'}; {COMPLIANCE}, {until} was asked"
    return None if bucket.read(key, version) == _FIRST else "other bytes lie there"


def _taken_once(bucket: Bucket, key: str, version: str, until: datetime) -> str | None:
    if bucket.put(key, _SECOND, until=until) is not None:
        return "the condition If-None-Match was not kept"
    return _lies(bucket, key, version, until)


def _kept_below(bucket: Bucket, key: str, version: str, until: datetime) -> str | None:
    above = bucket.put(key, _SECOND, until=until, unless_there=False)
    if above == version:
        return "the object was overwritten in place"
    return _lies(bucket, key, version, until)


def _extends(bucket: Bucket, key: str, version: str, later: datetime) -> str | None:
    try:
        bucket.retain(key, version, mode=COMPLIANCE, until=later)
    except Refused as refused:
        return f"{refused}; nothing is proved about a lock that these credentials may not touch"
    return _lies(bucket, key, version, later)


def _withstands(bucket: Bucket, key: str, version: str, until: datetime, attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except Refused:
        return _lies(bucket, key, version, until)
    return "the bucket did it" if _lies(bucket, key, version, until) else "the bucket said that it did it"


def _hides(bucket: Bucket, key: str, version: str, until: datetime) -> str | None:
    marker = bucket.delete(key)
    found = [each for each in bucket.versions(key) if each.is_marker]
    if [each.version for each in found] != [marker]:
        return "the list of versions does not show the delete marker"
    try:
        # Markers are never locked: that this one goes shows that these credentials may delete versions.
        bucket.delete(key, marker)
    except Refused as refused:
        return f"{refused}; nothing is proved about deleting with credentials that may not delete"
    return _lies(bucket, key, version, until)
