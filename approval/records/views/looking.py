"""What an examiner looked at, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from approval.records.queries.rooms import Look

_PAGES = {
    "records.room": "The room",
    "records.case_file": "Case file",
    "records.case_image": "Image of a case file",
    "records.case_pages": "Case file as PDF, downloaded",
    "records.case_entries": "Entries of a case file, downloaded",
    "records.recreated": "Post as it stood",
    "records.recreated_file": "Post as it stood, as JSON, downloaded",
    "records.room_search": "Search in the room",
    "records.export": "Export",
    "records.download": "Archive of an export, downloaded",
    "records.note": "Signed note of an export, downloaded",
    "records.verifier_page": "verify.html, downloaded",
    "records.verifier_source": "verify.py, downloaded",
    "records_api.show": "How far an export is",
    "records.exports": "Records",
    "records.search": "Search",
    "records.requests": "Requests",
    "audit.log": "The log",
    "audit.entry": "Entry of the log",
    "audit.entry_file": "Bytes of an entry, downloaded",
    "audit.proof_file": "Proof of an entry, downloaded",
    "audit.checkpoint": "Signed checkpoint of the log",
    "audit.tile": "Hashes of the log",
    "desk.post": "Post",
    "desk.posts": "List of posts",
    "people.account": "Their own account",
    "people.notices": "What they were told",
}
_SAID = {"post_id": "post", "export_id": "export", "hold_id": "hold", "log_name": "log", "digest": "SHA-256"}
_DIGEST, _SHORT = 64, 12


@dataclass(frozen=True)
class Step:
    """One page that an examiner looked at: when, which, what it was about, and its entry in the log."""

    at: datetime
    page: str
    about: str
    entry: int


def steps(looks: Iterable[Look]) -> tuple[Step, ...]:
    """Say what was looked at in words."""
    return tuple(Step(look.at, _page(look.page), _about(look.about), look.index) for look in looks)


def _page(endpoint: str) -> str:
    return _PAGES.get(endpoint) or endpoint.rpartition(".")[2].replace("_", " ").capitalize()


def _about(about: str) -> str:
    return " ".join(_short(_SAID.get(word, word)) for word in about.split(" "))


def _short(word: str) -> str:
    return f"{word[:_SHORT]}…" if len(word) == _DIGEST else word
