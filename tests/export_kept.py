"""Exports beside checkpoints that their reader kept: continued, contradicted, not to be told, not to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from export_keys import Turning, exported, stolen, turned
from small_exports import Export, Log, note_over

from approval import tlog

Kept = tuple[str, bytes]
"""The name of a file, and the file."""
Made = tuple[bytes, bytes, str | None, tuple[str, ...], tuple[Kept, ...]]

INCLUDED = [0, 1, 2, 12, 13]
"""Of twenty entries. The proof holds the subtrees [3, 4), [4, 8), [8, 12), [14, 16), [16, 20)."""
REACHED = [1, 2, 3, 4, 8, 12, 13, 14, 16, 20]
NOT_REACHED = sorted({*range(1, 20)} - {*REACHED})


def log_with_gaps() -> Log:
    log = Log("northwind")
    for number in range(19):
        log.append("posts.created", request=str(number))
    log.included = INCLUDED
    return log


def checkpoint(log: Log, size: int, *, root: bytes | None = None, secret: Ed25519PrivateKey | None = None) -> bytes:
    """What the log signed when it had that many entries; or another root, or under another key."""
    key = log.key if secret is None else tlog.VerifierKey(log.key.name, secret.public_key().public_bytes_raw())
    head = tlog.Checkpoint(log.key.name, size, root or tlog.root(size, log.read))
    return tlog.sign_checkpoint(head, key=key, sign=(secret or log.secret).sign)


def beside(log: Log, *notes: bytes) -> Made:
    """An export of the log, and checkpoints that somebody kept."""
    export = Export(Path())
    export.log, export.members = log, {**log.members(), **export.installation.members()}
    export.manifest["logs"][0] = log.in_manifest()
    archive = export.archive()
    names = (f"kept-{number}" for number, _ in enumerate(notes))
    return archive, note_over(archive, log), log.key.to_text(), (), tuple(zip(names, notes, strict=True))


def beside_gaps(*sizes: int) -> Made:
    log = log_with_gaps()
    return beside(log, *(checkpoint(log, size) for size in sizes))


def beside_turning(log: Turning, *notes: bytes) -> Made:
    return *exported(log, log.pairs[-1]), (), tuple((f"kept-{number}", note) for number, note in enumerate(notes))


def of_another_root(size: int) -> Made:
    log = log_with_gaps()
    return beside(log, checkpoint(log, size, root=b"r" * 32))


def forked() -> Made:
    """The same log, as it was before somebody wrote its third entry anew: both are soundly signed by its key."""
    log, before = log_with_gaps(), log_with_gaps()
    before.entries[2] = before.entries[2].replace(b'"p1"', b'"p2"')
    return beside(log, checkpoint(before, 8))


def earlier(*, root: bytes | None = None) -> Made:
    """An export that carries an earlier checkpoint: that proves the size in the midst of a gap."""
    log = Turning("northwind")
    log.go_on(5)
    size = log.keep()
    log.go_on(14)
    log.included = INCLUDED
    return beside_turning(log, checkpoint(log, size, root=root))


def under_an_older_key() -> Made:
    log = turned()
    return beside_turning(log, checkpoint(log, 3))


def by_the_thief() -> Made:
    """The first key was stolen: the thief signed another log of five entries, beyond the cut."""
    log = stolen()
    return beside_turning(log, checkpoint(log, 5, root=b"r" * 32))


def with_a_strangers_line() -> Made:
    log = log_with_gaps()
    return beside(log, checkpoint(log, 4) + f"— watcher.example {base64.b64encode(bytes(76)).decode()}\n".encode())


def by_a_namesake() -> Made:
    log = log_with_gaps()
    secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"namesake").digest())
    return beside(log, checkpoint(log, 4, secret=secret))


def damaged() -> Made:
    log = log_with_gaps()
    text, _, line = checkpoint(log, 4).decode().rpartition(" ")
    data = bytearray(base64.b64decode(line))
    data[20] ^= 1
    return beside(log, f"{text} {base64.b64encode(data).decode()}\n".encode())


def of_the_installation() -> Made:
    made = beside_gaps(4)
    return *made[:4], (*made[4], ("other", checkpoint(Export(Path()).installation, 1)))


def longer() -> Made:
    log, later = log_with_gaps(), log_with_gaps()
    later.append("posts.created")
    return beside(log, checkpoint(later, 21))


def of_another_log() -> Made:
    return beside(log_with_gaps(), checkpoint(Log("southwind"), 1))


CONTINUED: dict[str, Callable[[], Made]] = {
    "at every size that entries and proof reach": lambda: beside_gaps(*REACHED),
    "in a log without gaps": lambda: beside(whole := whole_log(), *(checkpoint(whole, n) for n in range(1, 21))),
    "at an earlier checkpoint of the export": earlier,
    "under an older key of the log": under_an_older_key,
    "with the line of a stranger": with_a_strangers_line,
    "of two logs": of_the_installation,
}
CONTRADICTED: dict[str, tuple[Callable[[], Made], str]] = {
    "an entry was written anew": (forked, "two histories were signed"),
    "another root at the export's own size": (lambda: of_another_root(20), "two histories were signed"),
    "another root where the proof alone leads": (lambda: of_another_root(8), "two histories were signed"),
    "another root at an earlier checkpoint": (lambda: earlier(root=b"r" * 32), "two histories were signed"),
    "one continued, one not": (lambda: both(beside_gaps(4), of_another_root(4)), "kept-0: contradicted"),
    "one not to be told, one contradicted": (lambda: both(beside_gaps(6), of_another_root(4)), "contradicted"),
    "signed by a thief": (by_the_thief, "was revoked, and who stole it"),
    "under another key of that name": (by_a_namesake, "no key of the log northwind signed it"),
    "with a damaged signature": (damaged, "the signature of approval.example.com/northwind does not hold"),
}
UNTOLD: dict[str, tuple[Callable[[], Made], str]] = {
    **{f"in a gap, at {n}": (lambda n=n: beside_gaps(n), f"entry {n - 1} and entry {n} are not") for n in NOT_REACHED},
    "one continued, one in a gap": (lambda: beside_gaps(4, 6), "Ask for an export without limits"),
    "another root in a gap": (lambda: of_another_root(6), "Ask for an export without limits"),
    "of more entries than there are": (longer, "this export's log ends at 20"),
    "of another log": (of_another_log, "it is of the log approval.example.com/southwind"),
}
UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda note: b"",
    "truncated, no signature": lambda note: note.split(b"\n\n")[0] + b"\n",
    "truncated, half a signature": lambda note: note[:-40] + b"\n",
    "truncated, no newline": lambda note: note[:-1],
    "its three lines alone": lambda note: note.split(b"\n\n")[0] + b"\n\n",
    "byte-order mark": lambda note: b"\xef\xbb\xbf" + note,
    "Windows line ends": lambda note: note.replace(b"\n", b"\r\n"),
    "a space at the end": lambda note: note[:-1] + b" \n",
    "an empty line before": lambda note: b"\n" + note,
    "something behind": lambda note: note + b"more\n",
    "an invisible sign in its size": lambda note: note.replace(b"\n4\n", "\n\u200b4\n".encode()),
    "other digits": lambda note: note.replace(b"\n4\n", "\n\u0664\n".encode()),
    "a leading zero": lambda note: note.replace(b"\n4\n", b"\n04\n"),
    "no entries": lambda note: note.replace(b"\n4\n", b"\n0\n"),
    "nul": lambda note: note.replace(b"\n4\n", b"\n4\0\n"),
    "the note of an export": lambda note: (
        Export(Path()).members["logs/northwind/checkpoint"].replace(b"\n6\n", b"\n6\n6\n")
    ),
    "an archive": lambda note: b"PK\x03\x04" + bytes(26),
    "not UTF-8": lambda note: note.replace(b"\n4\n", b"\n\xff\n"),
    "five kilobytes": lambda note: note + note.split(b"\n\n")[1] * 40,
}


def whole_log() -> Log:
    log = log_with_gaps()
    log.included = None
    return log


def both(one: Made, other: Made) -> Made:
    """The export of the first, with what was kept of both."""
    return *one[:4], (*((f"first-{name}", note) for name, note in one[4]), *other[4])
