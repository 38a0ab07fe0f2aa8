"""What operators read: one JSON object per line on stderr, in UTC, with the request's id. It is not the audit log."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import structlog

Record = structlog.typing.EventDict


def install() -> None:
    """Make every logger of this process write so. Local variables, which may hold secrets, are never written."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_exception,
            # JSON escapes line ends, so that no input can forge a line of its own.
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _add_exception(_logger: Any, _method: str, record: Record) -> Record:
    given = record.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        record["error"] = f"{type(error).__name__}: {error}"[:500]
        record["traceback"] = traceback.format_exception(error, chain=True)[-20:]
    return record
