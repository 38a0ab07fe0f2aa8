"""The rows of records, a module for each of its concerns."""

from __future__ import annotations

from approval.records.models.archives import Archive, Archived, ArchivedReckoning, ArchiveState
from approval.records.models.complaints import AccessTest, Complaint, Finding, TakeDown, Way
from approval.records.models.disposing import Disposition, DispositionItem, Erasure, LettingGo
from approval.records.models.exports import Export, ExportState
from approval.records.models.keeping import Covered, Hold, Keeping, Kind, Reckoning, RetentionVersion
from approval.records.models.lookbacks import Lookback, LookbackHit
from approval.records.models.requests import (
    ExportGone,
    ExportPart,
    ExportSeries,
    ItemKind,
    RequestItem,
    RequestList,
)
from approval.records.models.searching import Indexing, Passage, PassageKind, Search

__all__ = [
    "AccessTest",
    "Archive",
    "ArchiveState",
    "Archived",
    "ArchivedReckoning",
    "Complaint",
    "Covered",
    "Disposition",
    "DispositionItem",
    "Erasure",
    "Export",
    "ExportGone",
    "ExportPart",
    "ExportSeries",
    "ExportState",
    "Finding",
    "Hold",
    "Indexing",
    "ItemKind",
    "Keeping",
    "Kind",
    "LettingGo",
    "Lookback",
    "LookbackHit",
    "Passage",
    "PassageKind",
    "Reckoning",
    "RequestItem",
    "RequestList",
    "RetentionVersion",
    "Search",
    "TakeDown",
    "Way",
]
