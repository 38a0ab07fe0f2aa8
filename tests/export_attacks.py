"""Exports to be refused and exports to be accepted: one table for both verifiers."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from export_archives import ARCHIVES
from export_cosigned import COSIGNED, NOT_COSIGNED
from export_kept import CONTINUED, CONTRADICTED
from export_keys import DOES_NOT_HOLD, HOLDS
from export_lies import CHECKPOINT, ENTRIES, LIES, reopened
from small_exports import Export, Log, manifest_of, note_over, opening, sha256, smallest_export, sums_of, zipped

from approval import tlog


@dataclass(frozen=True)
class Given:
    """What a reader has: both files, and the keys and kept checkpoints that they bring, if any."""

    archive: bytes
    note: bytes
    key: str | None
    witnesses: tuple[str, ...] = ()
    kept: tuple[tuple[str, bytes], ...] = ()


def signed(export: Export, archive: bytes | None = None) -> Given:
    archive = export.archive() if archive is None else archive
    return Given(archive, note_over(archive, export.log), export.vkey)


@cache
def sound() -> Given:
    return signed(Export(Path()))


# --- notes

NOTE_ATTACKS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda note: b"",
    "trailing-newline": lambda note: note + b"\n",
    "trailing-space": lambda note: note[:-1] + b" \n",
    "leading-newline": lambda note: b"\n" + note,
    "byte-order-mark": lambda note: b"\xef\xbb\xbf" + note,
    "carriage-returns": lambda note: note.replace(b"\n", b"\r\n"),
    "signature-twice": lambda note: note + note.rsplit(b"\n", 2)[1] + b"\n",
    "a-second-signer": lambda note: note + "— other AAAAAAAA\n".encode(),
    "without-signature": lambda note: note.split(b"\n\n")[0] + b"\n",
    "hyphen-for-dash": lambda note: note.replace("—".encode(), b"-"),
    "two-spaces": lambda note: note.replace("— ".encode(), "—  ".encode()),
    "a-fifth-line": lambda note: note.replace(b"\n\n", b"\nmore\n\n"),
    "leading-zero": lambda note: note.replace(b"com/n\n", b"com/n\n0", 1),
    "upper-case-digest": lambda note: b"\n".join(
        line.upper() if len(line) == 64 else line for line in note.split(b"\n")
    ),
    "other-format": lambda note: note.replace(b"export/v1", b"export/v2"),
    "other-origin": lambda note: note.replace(b"example.com/n\n", b"example.com/m\n", 1),
    "lenient-base64": lambda note: note[:-3] + bytes([note[-3] + 1]) + note[-2:],
    "without-padding": lambda note: note[:-2] + b"\n",
    "carriage-return-at-the-end": lambda note: note[:-1] + b"\r\n",
    "nul": lambda note: note.replace(b"com/n\n", b"com/n\0\n", 1),
    "nul-at-the-end": lambda note: note + b"\0",
    "vertical-tab-for-a-newline": lambda note: note.replace(b"com/n\n", b"com/n\x0b", 1),
    "next-line-for-a-newline": lambda note: note.replace(b"com/n\n", b"com/n\xc2\x85", 1),
    "line-separator-for-a-newline": lambda note: note.replace(b"com/n\n", b"com/n\xe2\x80\xa8", 1),
    "overlong-utf-8": lambda note: note.replace(b"com/n\n", b"com\xc0\xafn\n", 1),
    "delete": lambda note: note.replace(b"com/n\n", b"com/n\x7f\n", 1),
    "five-kilobytes": lambda note: note[:-1] + b"A" * 5000 + b"\n",
}


# --- files that are not what was handed out

TRUNCATED = 50
FLIPPED = 300


def truncations() -> dict[str, Callable[[], Given]]:
    """The archive cut at every fiftieth of its length: under the note of the whole, and soundly signed as it is."""
    archive, table = sound().archive, {}
    for part in range(TRUNCATED):
        data = archive[: len(archive) * part // TRUNCATED]
        table[f"truncated: {part}/{TRUNCATED}"] = lambda data=data: replace(sound(), archive=data)
        table[f"truncated and signed: {part}/{TRUNCATED}"] = lambda data=data: signed(Export(Path()), data)
    return table


def flipped() -> Iterator[Given]:
    """One flipped bit each, at places drawn over both files."""
    given, draw = sound(), random.Random(17)
    for _ in range(FLIPPED):
        both = bytearray(given.archive + given.note)
        both[draw.randrange(len(both))] ^= 1 << draw.randrange(8)
        yield replace(given, archive=bytes(both[: len(given.archive)]), note=bytes(both[len(given.archive) :]))


def rezipped() -> Given:
    with zipfile.ZipFile(io.BytesIO(sound().archive)) as archive:
        again = zipped({name: archive.read(name) for name in reversed(archive.namelist())})
    return replace(sound(), archive=again)


def renamed(*, with_sums: bool) -> Given:
    export = Export(Path())
    sums = sums_of({**export.members, "manifest.json": b"{}"})
    export.members["content/renamed"] = export.members.pop(export.content)
    if not with_sums:
        export.members["SHA256SUMS"] = sums
    return signed(export)


def longer_log() -> Export:
    """A later export of the same log."""
    export = Export(Path())
    for _ in range(3):
        export.log.append("posts.created")
    export.log.included = [0, 4, 7]
    export.members |= export.log.members()
    return export


def spliced(*names: str) -> Given:
    """Members of a later export of the same log, soundly signed by whoever put them together."""
    export = Export(Path())
    export.members |= {name: longer_log().members[name] for name in names}
    return signed(export)


def spliced_bytes() -> Given:
    one, other = sound(), signed(longer_log())
    return replace(one, archive=one.archive[: len(one.archive) // 2] + other.archive[len(other.archive) // 2 :])


def pictured(*, there: bool = False, absent: bool = False) -> Given:
    """A later export, of a revision that shows a picture."""
    export, picture = Export(Path()), b"\x89PNG"
    words = rfc8785.dumps({"media": [{"alt": "A card", "digest": sha256(picture)}], "title": "Savings"})
    image = {"id": 2, "payload": {"sha256": sha256(words)}}
    export.log.append("post.revised", rows=[{"table": "revision", "key": {"id": 2}, "image": image}])
    export.log.included = [0, 2, 3, 5, 6]
    export.members |= {**export.log.members(), f"content/{sha256(words)}": words}
    if there:
        export.members[f"content/{sha256(picture)}"] = picture
    if absent:
        export.manifest["absent"][sha256(picture)] = "erased under entry 5"
    return signed(in_full(export))


def foreign() -> Export:
    """The export of a stranger who calls himself by the same name: sound in itself, under a key of his own."""
    export = Export(Path())
    export.log.secret = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
    export.log.key = tlog.VerifierKey(export.log.key.name, export.log.secret.public_key().public_bytes_raw())
    reopened(export)
    export.manifest["logs"][0] = export.log.in_manifest()
    return export


def of_small_order() -> Given:
    """Signed by nobody: under the neutral point as key, the neutral point and S = 0 sign every text."""
    export = foreign()
    export.log.key = tlog.VerifierKey(export.log.key.name, (1).to_bytes(32, "little"))
    export.log.secret = Nobody()  # type: ignore[assignment]
    reopened(export)
    export.manifest["logs"][0] = export.log.in_manifest()
    return signed(export)


class Nobody:
    def sign(self, _message: bytes) -> bytes:
        return (1).to_bytes(32, "little") + bytes(32)


def another_key() -> str:
    return Export(Path()).installation.key.to_text()


def full_of_faults() -> Given:
    """A line in order costs a few bytes of the archive: the answer must not grow with them."""
    log = Log("northwind")
    for _ in range(3000):
        log.append("posts.created", rows=[{"sha256": sha256(b"nowhere")}])
    members = {**log.members(), "manifest.json": b""}
    export = Export(Path())
    export.log, export.members, export.manifest = log, members, manifest_of(log)
    return signed(export)


WHOLE: dict[str, tuple[Callable[[], Given], str]] = {
    "re-zipped": (rezipped, "not of this archive"),
    "re-signed-by-another-log": (
        lambda: replace(sound(), note=note_over(sound().archive, Export(Path()).installation)),
        "another key",
    ),
    "renamed-member": (lambda: renamed(with_sums=False), "SHA256SUMS"),
    "renamed-content-with-sums": (lambda: renamed(with_sums=True), "not said to be absent"),
    "spliced-bytes": (spliced_bytes, "not of this archive"),
    "spliced-entries": (lambda: spliced(ENTRIES), "log northwind"),
    "spliced-checkpoint": (lambda: spliced(CHECKPOINT), "log northwind"),
    "spliced-log": (lambda: spliced(ENTRIES, CHECKPOINT, "logs/northwind/proof"), "other numbers"),
    "foreign-export": (lambda: replace(signed(foreign()), key=sound().key), "another key"),
    "foreign-note": (lambda: replace(sound(), note=signed(foreign()).note), "not of this archive"),
    "note-of-another-export": (lambda: replace(sound(), note=smallest_export()[1]), "not of this archive"),
    "key-of-another-log": (lambda: replace(sound(), key=another_key()), "another key"),
    "key-of-small-order": (of_small_order, "does not hold"),
    "files-exchanged": (lambda: replace(sound(), archive=sound().note, note=sound().archive), "note"),
    "checkpoint-for-a-note": (
        lambda: replace(sound(), note=Export(Path()).members[CHECKPOINT]),
        "not of this archive",
    ),
    "a-picture-that-is-nowhere": (pictured, "is missing and not said to be absent"),
    "more-faults-than-are-told": (full_of_faults, "the rest is not looked at"),
}


def lied(name: str) -> Given:
    export = Export(Path())
    LIES[name][0](export)
    return signed(export)


def noted(attack: Callable[[bytes], bytes]) -> Given:
    archive, note, key = smallest_export()
    assert attack(note) != note
    return Given(archive, attack(note), key)


def refused() -> dict[str, tuple[Callable[[], Given], str]]:
    """Every export that both verifiers must refuse, and a word of the reason."""
    table = dict(WHOLE)
    for name, (_, says) in LIES.items():
        table[f"lie: {name}"] = (lambda name=name: lied(name), says)
    for name, (make, says) in ARCHIVES.items():
        table[f"archive: {name}"] = (lambda make=make: signed(Export(Path()), make()), says)
    for name, (make, says) in DOES_NOT_HOLD.items():
        table[f"keys: {name}"] = (lambda make=make: Given(*make()), says)
    for name, (make, says) in NOT_COSIGNED.items():
        table[f"not cosigned: {name}"] = (lambda make=make: Given(*make()), says)
    for name, (make, says) in CONTRADICTED.items():
        table[f"kept: {name}"] = (lambda make=make: Given(*make()), says)
    for name, attack in NOTE_ATTACKS.items():
        table[f"note: {name}"] = (lambda attack=attack: noted(attack), "note")
    return table


# --- exports that hold


def of_entries(*included: int, installation: tuple[int, ...] = (0,)) -> Given:
    export = Export(Path())
    export.log.included, export.installation.included = list(included), list(installation)
    # An opening stands with the first included entry that holds its commitment.
    export.log.openings = {index: [export.name] for index in included[1:2]}
    export.members |= {**export.log.members(), **export.installation.members()}
    export.manifest["logs"] = [export.log.in_manifest(), export.installation.in_manifest()]
    return signed(export)


def long_and_filtered() -> Given:
    export = Export(Path())
    for number in range(300):
        export.log.append("posts.created", request=f"\U0001f600 \ufb33 {number}")
    export.log.openings = {301: [opening({"\U0001f600": 1, "\ufb33": [None, True, -7], "é": "\u2028"})]}
    export.log.entries[301] = export.log.entries[301].replace(
        b'"rows":[]', b'"rows":[{"commitment":"%s"}]' % export.log.openings[301][0]["commitment"].encode()
    )
    export.log.included = [0, *range(3, 300, 7), 301, 303]
    export.members |= export.log.members()
    export.manifest["logs"][0] = export.log.in_manifest()
    return signed(export)


def written_as(method: int = zipfile.ZIP_DEFLATED, *, streamed: bool = False) -> Given:
    with zipfile.ZipFile(io.BytesIO(sound().archive)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    out = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return signed(Export(Path()), out.getvalue())


class Unseekable(io.BytesIO):
    """Where sizes can only be written after the data, so that they follow it."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def wide() -> Given:
    """Every number that can stand in a ZIP64 field does."""
    kept = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    try:
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 100, 2  # type: ignore[misc]
        return written_as()
    finally:
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = kept  # type: ignore[misc]


def dated(generated_at: str) -> Given:
    export = Export(Path())
    export.manifest["generated_at"] = generated_at
    return signed(export)


def at_instants(*instants: str) -> Given:
    """A log whose entries state these instants, one after the other."""
    export = Export(Path())
    for instant in instants:
        export.log.append("posts.revised", at=instant)
    export.log.included = [0, 2, 3, 5, *range(6, len(export.log.entries))]
    export.members |= export.log.members()
    return signed(in_full(export))


ACCEPTED: dict[str, Callable[[], Given]] = {
    "filtered, with erased values, an absent content and two logs": sound,
    "whole logs": lambda: of_entries(*range(6), installation=(0, 1)),
    "an empty period": lambda: of_entries(0),
    "the first entry and the last": lambda: of_entries(0, 5),
    **{f"cosigned: {name}": lambda make=make: Given(*make()) for name, make in COSIGNED.items()},
    **{f"kept: {name}": lambda make=make: Given(*make()) for name, make in CONTINUED.items()},
    "a picture that is there": lambda: pictured(there=True),
    "a picture that is said to be absent": lambda: pictured(absent=True),
    "limited to some posts": lambda: limited(posts=[17]),
    "with other posts beside": lambda: limited(also=[17]),
    "limited to nobody knows what": lambda: limited(**{"\u202e<b>": 1}),
    "a log that was only opened": lambda: Given(*smallest_export()),
    "long, filtered, in many scripts": long_and_filtered,
    "a later export of the same log": lambda: signed(in_full(longer_log())),
    "a stranger, under the stranger's own key": lambda: signed(foreign()),
    "stored members": lambda: written_as(zipfile.ZIP_STORED),
    "a streamed archive": lambda: written_as(streamed=True),
    "a ZIP64 archive": wide,
    "from the future": lambda: dated("2999-01-01T00:00:00.000000Z"),
    "of no known time": lambda: dated("yesterday"),
    "with time that runs backwards": lambda: at_instants("2026-11-21T23:00:00.000000Z", "2026-11-21T22:00:00.000000Z"),
    "with transactions that overlap": lambda: at_instants("2026-11-21T23:00:00.000000Z", "2026-11-21T22:59:57.000000Z"),
    "with a month that no calendar has": lambda: at_instants(
        "2026-13-21T23:00:00.000000Z", "2026-11-21T22:00:00.000000Z"
    ),
    "of a known time": lambda: dated("2026-11-21T21:33:00.000000Z"),
    **{f"keys: {name}": lambda make=make: Given(*make()) for name, make in HOLDS.items()},
}


def limited(**filters: Any) -> Given:
    export = Export(Path())
    export.manifest["filters"] = filters
    return signed(export)


def in_full(export: Export) -> Export:
    export.manifest["logs"][0] = export.log.in_manifest()
    return export
