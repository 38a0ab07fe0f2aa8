"""What may happen to records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from approval.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class ExportAsked(Event, kind="export.asked"):
    """Somebody asked for an export of a period; the worker writes it."""

    export: int
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class ExportBegun(Event, kind="export.begun"):
    """A worker began to write an export; an earlier attempt that ended in its middle counts no more."""

    export: int


@dataclass(frozen=True, kw_only=True)
class ExportMade(Event, kind="export.made"):
    """An export was written: SHA-256 and length of the archive, the days it covers, the entries in it.

    `export` is its number where it was asked for in the browser; `posts` and `people` are what it was limited to.
    """

    export: int | None
    digest: bytes
    size: int
    entries: int
    first_day: date
    last_day: date
    posts: tuple[int, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExportFailed(Event, kind="export.failed"):
    """An export could not be written; nothing was handed out."""

    export: int


@dataclass(frozen=True, kw_only=True)
class ExportFetched(Event, kind="export.fetched"):
    """Somebody downloaded an export."""

    export: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class LookbackBegun(Event, kind="lookback.begun"):
    """Somebody began to judge the publications of some days again, under the rules in force."""

    lookback: int
    first_day: date
    last_day: date
    rule_set: bytes


@dataclass(frozen=True, kw_only=True)
class LookbackAdvanced(Event, kind="lookback.advanced"):
    """A stretch of a lookback was judged; `judged` and `found` are totals so far. `ended` says that it was the last."""

    lookback: int
    judged: int
    found: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class LookbackAnswered(Event, kind="lookback.answered"):
    """Somebody looked at a publication that a lookback flagged, and said what follows from it."""

    lookback: int
    hit: int


@dataclass(frozen=True, kw_only=True)
class RetentionShipped(Event, kind="retention.shipped"):
    """The workspace began with the retention rules that ship with the program, as version 1."""

    number: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class RetentionProposed(Event, kind="retention.proposed"):
    """Other retention rules were written; they take effect when a second person accepts them."""

    number: int
    digest: bytes
    proposal: int


@dataclass(frozen=True, kw_only=True)
class RetentionEnacted(Event, kind="retention.enacted"):
    """Retention rules took effect for every record. `alone`: nobody else could have been asked."""

    number: int
    digest: bytes
    alone: bool


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event, kind="hold.placed"):
    """Somebody placed a legal hold: posts that meet all of what it names are kept until two people lift it."""

    hold: int
    person: str | None
    product: str | None
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, kw_only=True)
class HoldLiftProposed(Event, kind="hold.lift_proposed"):
    """Somebody asked that a legal hold be lifted; it holds until another person agrees."""

    hold: int
    proposal: int


@dataclass(frozen=True, kw_only=True)
class HoldLifted(Event, kind="hold.lifted"):
    """A legal hold ended, on the word of two people. `alone`: nobody else could have been asked."""

    hold: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class DispositionProposed(Event, kind="disposition.proposed"):
    """Somebody asked that records whose period has ended be disposed of; `digest` names the list of them."""

    disposition: int
    through: date
    records: int
    digest: bytes
    proposal: int


@dataclass(frozen=True, kw_only=True)
class DispositionAgreed(Event, kind="disposition.agreed"):
    """A second person agreed, and the worker begins to dispose of the list. `alone`: nobody else could be asked."""

    disposition: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class DispositionTurnedDown(Event, kind="disposition.turned_down"):
    """A second person turned down what was to be disposed of; all of it stays."""

    disposition: int


@dataclass(frozen=True, kw_only=True)
class DispositionEnded(Event, kind="disposition.ended"):
    """Every record of the list was disposed of, or kept because something stood against it by then."""

    disposition: int
    disposed: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class ErasureAsked(Event, kind="erasure.asked"):
    """Somebody's request to have their data erased was recorded, with what was answered: from which day, if any.

    `person` is the id of an account; else `posts` are those whose free text names somebody.
    """

    erasure: int
    person: str | None
    posts: tuple[int, ...]
    asked_on: date
    answer: str
    answer_on: date | None
    proposal: int


@dataclass(frozen=True, kw_only=True)
class ErasureAgreed(Event, kind="erasure.agreed"):
    """A second person agreed to erase; it happens as soon as no hold and no retention rule stands against it."""

    erasure: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class ErasureTurnedDown(Event, kind="erasure.turned_down"):
    """A second person turned down a request to erase; whoever asked is to be told why."""

    erasure: int


@dataclass(frozen=True, kw_only=True)
class ErasureDone(Event, kind="erasure.done"):
    """What a request asked for was erased: so many values, and so many posts whole. Other entries name what."""

    erasure: int
    erased: int
    disposed: int


@dataclass(frozen=True, kw_only=True)
class TracesRemoved(Event, kind="erasure.traces_removed"):
    """What erased rows had left beside the tables was removed too: free pages, the write-ahead log, dead rows."""

    under: str
    case: int


@dataclass(frozen=True, kw_only=True)
class RecordsSearched(Event, kind="records.searched"):
    """Somebody searched the records, recorded before it was answered. `hits` counts up to a bound, `shown` those of
    this page; entries below `indexed` could be found."""

    search: int
    hits: int
    shown: int
    indexed: int


@dataclass(frozen=True, kw_only=True)
class ArchiveLookedAt(Event, kind="archive.looked_at"):
    """Somebody brought an archive of another tool and looked at what is in it; nothing of it is a record yet."""

    archive: int
    digest: bytes
    found: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class ArchiveAccepted(Event, kind="archive.accepted"):
    """Somebody let the records of an archive be kept here, as another tool claims them."""

    archive: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class ArchiveDiscarded(Event, kind="archive.discarded"):
    """An archive that was looked at was put away; nothing of it was kept."""

    archive: int


@dataclass(frozen=True, kw_only=True)
class ArchivedKept(Event, kind="archived.kept"):
    """Some records of another tool were kept: their bytes by digest, what they claim as commitments.

    What they claim was witnessed by nobody here. The days are the first and the last that they claim.
    """

    archive: int
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class ArchiveAdvanced(Event, kind="archive.advanced"):
    """A stretch of an archive was gone through; `kept` and `repeated` are totals so far. `ended`: it was the last."""

    archive: int
    reached: int
    kept: int
    repeated: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class ArchiveFailed(Event, kind="archive.failed"):
    """The rest of an archive could not be gone through; what was kept of it before stays."""

    archive: int
    reached: int


@dataclass(frozen=True, kw_only=True)
class ComplaintReceived(Event, kind="complaint.received"):
    """A customer's complaint was entered: when and by which way it came, about which post and product, if any."""

    complaint: int
    received_on: date
    way: str
    product: str | None


@dataclass(frozen=True, kw_only=True)
class ComplaintAnswered(Event, kind="complaint.answered"):
    """What was done about a complaint and what the customer was answered was written down."""

    complaint: int
    answered_on: date


@dataclass(frozen=True, kw_only=True)
class ComplaintClosed(Event, kind="complaint.closed"):
    """A complaint ended with what the firm found; from this day on its period of keeping counts."""

    complaint: int
    finding: str


@dataclass(frozen=True, kw_only=True)
class ComplaintReopened(Event, kind="complaint.reopened"):
    """A complaint that had ended is open again; its period of keeping has not begun."""

    complaint: int


@dataclass(frozen=True, kw_only=True)
class TakeDownRecorded(Event, kind="take_down.recorded"):
    """Somebody said that a published post was taken down from a channel, when and why; nobody looked yet."""

    publication: int
    channel: str
    taken_at: datetime


@dataclass(frozen=True, kw_only=True)
class TakeDownConfirmed(Event, kind="take_down.confirmed"):
    """A person opened the link of a post that was taken down and found it gone: its use on the channel has ended."""

    publication: int
    channel: str


@dataclass(frozen=True, kw_only=True)
class AccessTested(Event, kind="access.tested"):
    """Somebody rehearsed getting at the records, and said whether the export that they got verified."""

    test: int
    export: int
    digest: bytes
    verified: bool


@dataclass(frozen=True, kw_only=True)
class ExportPartsAsked(Event, kind="export.parts_asked"):
    """Somebody asked for an export in parts of at most so many posts or bytes, written one after the other."""

    series: int
    first_day: date
    last_day: date
    most_posts: int | None
    most_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class ExportPartsEnded(Event, kind="export.parts_ended"):
    """The last part of an export was written. `digest` is that of the list that names every part with its own."""

    series: int
    parts: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class ExportFilesGone(Event, kind="export.files_gone"):
    """The files of an export are not on the server any more; what it held can be asked for again."""

    export: int


@dataclass(frozen=True, kw_only=True)
class RequestDrafted(Event, kind="request.drafted"):
    """A regulator's letter was entered: which days are under review, when it came, when the answer is due."""

    request: int
    received: date
    due: date | None
    first_day: date
    last_day: date


@dataclass(frozen=True, kw_only=True)
class RequestItemAdded(Event, kind="request.item_added"):
    """An item of a regulator's letter was entered, and which kind of answer it gets."""

    request: int
    number: int
    item_kind: str


@dataclass(frozen=True, kw_only=True)
class RequestItemRemoved(Event, kind="request.item_removed"):
    """An item was taken out of a request list that was not written yet."""

    request: int
    number: int


@dataclass(frozen=True, kw_only=True)
class RequestItemAnswered(Event, kind="request.item_answered"):
    """A file was put in as the answer to an item in free text. `digest` is the file's."""

    request: int
    number: int
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class RequestAsked(Event, kind="request.asked"):
    """Somebody asked that the answers to a letter be written as one export."""

    request: int
    export: int


@dataclass(frozen=True, kw_only=True)
class RequestReopened(Event, kind="request.reopened"):
    """The answers to a letter were taken back to be changed: `export` does not answer it any more."""

    request: int
    export: int


@dataclass(frozen=True, kw_only=True)
class RequestHandedOver(Event, kind="request.handed_over"):
    """Somebody said that the answers were handed over: which export, its SHA-256, how many entries it holds."""

    request: int
    export: int
    digest: bytes
    entries: int


@dataclass(frozen=True, kw_only=True)
class LookedAt(Event, kind="records.looked_at"):
    """An examiner with a room looked at a page: which one, and what it was about. Written before the answer left."""

    room: int
    page: str
    about: str
