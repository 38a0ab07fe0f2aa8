"""What may happen to publications, and to publishing as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class OfPublication:
    """What every event of one publication states: which one, on which channel."""

    publication: int
    channel: str


@dataclass(frozen=True, kw_only=True)
class PublicationScheduled(OfPublication, Event, kind="publication.scheduled"):
    """A person chose when this revision goes out on this channel."""

    revision: bytes
    due_at: datetime
    zone: str


@dataclass(frozen=True, kw_only=True)
class PublicationRescheduled(OfPublication, Event, kind="publication.rescheduled"):
    """A person chose another time for a publication that had not been sent."""

    due_at: datetime
    zone: str


@dataclass(frozen=True, kw_only=True)
class PublicationBegun(OfPublication, Event, kind="publication.begun"):
    """The worker re-checked everything and was about to send exactly the request of this digest."""

    revision: bytes
    attempt: int
    request: bytes


@dataclass(frozen=True, kw_only=True)
class PublicationPublished(OfPublication, Event, kind="publication.published"):
    """The channel confirmed that the post is out."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class PublicationDeferred(OfPublication, Event, kind="publication.deferred"):
    """Provably nothing was sent; it is tried again later."""

    attempt: int
    because: str
    retry_at: datetime


@dataclass(frozen=True, kw_only=True)
class PublicationDoubted(OfPublication, Event, kind="publication.doubted"):
    """It may or may not have arrived: the answer did not come, or cannot be trusted."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class PublicationRefused(OfPublication, Event, kind="publication.refused"):
    """It does not go out: the channel refused it for good, or what is stored is not what was approved."""

    because: str


@dataclass(frozen=True, kw_only=True)
class PublicationMissed(OfPublication, Event, kind="publication.missed"):
    """Its time passed before it could be sent; a person decides when it goes out, if at all."""

    because: str


@dataclass(frozen=True, kw_only=True)
class PublicationHandedOver(OfPublication, Event, kind="publication.handed_over"):
    """A person must act: publish by hand, or find out whether it went out."""

    because: str


@dataclass(frozen=True, kw_only=True)
class PublicationConfirmed(OfPublication, Event, kind="publication.confirmed"):
    """A person confirmed with the link that the post is out."""


@dataclass(frozen=True, kw_only=True)
class PublicationReleased(OfPublication, Event, kind="publication.released"):
    """A person found that it did not go out, and let it be sent again under the same message id."""

    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class PublicationWithdrawn(OfPublication, Event, kind="publication.withdrawn"):
    """It will not go out on this channel."""


@dataclass(frozen=True, kw_only=True)
class PublishingStopped(Event, kind="publishing.stopped"):
    """One person halted publishing for a scope. Requests already on their way are listed as in flight."""

    stop: int
    scope: str
    channel: str | None = None


@dataclass(frozen=True, kw_only=True)
class ResumeAsked(Event, kind="publishing.resume_asked"):
    """Somebody asked to resume publishing; another person confirms."""

    stop: int


@dataclass(frozen=True, kw_only=True)
class PublishingResumed(Event, kind="publishing.resumed"):
    """A stop was lifted. `alone` where nobody else may confirm it."""

    stop: int
    alone: bool
