"""The rows of records, a module for each of its concerns."""

from __future__ import annotations

from approval.records.models.exports import Export, ExportState
from approval.records.models.keeping import Covered, Hold, Keeping, Kind, Reckoning, RetentionVersion
from approval.records.models.lookbacks import Lookback, LookbackHit

__all__ = [
    "Covered",
    "Export",
    "ExportState",
    "Hold",
    "Keeping",
    "Kind",
    "Lookback",
    "LookbackHit",
    "Reckoning",
    "RetentionVersion",
]
