"""One archive, whatever its kind: JSONL, CSV, EML, mbox, a folder of EML, or a ZIP of any of these."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from approval.errors import BadFile
from approval.records.archives.claims import MOST_RECORD, Bad, Understood
from approval.records.archives.letters import read_mbox, read_message, too_large
from approval.records.archives.lines import read_csv, read_jsonl

MOST_FILES = 200_000
MOST_DIRECTORY = 40 * 1024 * 1024
"""Bytes of the list of a ZIP's members: reading it takes several times as much memory."""
MOST_UNPACKED = 2 * 1024 * 1024 * 1024
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_ENCRYPTED = 1
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others unpack a few bytes to many megabytes at once."""

Reader = Callable[[BinaryIO], Iterator[Understood | Bad]]


def _read_eml(file: BinaryIO) -> Iterator[Understood | Bad]:
    yield read_message(1, file.read(MOST_RECORD + 1))


def read_zip(file: BinaryIO) -> Iterator[Understood | Bad]:
    """Yield the records of every member of a ZIP, in order of name, numbered through; a bomb ends in `Bad`."""
    _ensure_small(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise BadFile(f"This is not a ZIP that can be read ({str(error)[:80]}).") from error
    with archive:
        members = sorted((one for one in archive.infolist() if not one.is_dir()), key=lambda one: one.filename)
        if len(members) > MOST_FILES:
            raise BadFile(f"This ZIP holds {len(members):,} files; at most {MOST_FILES:,}. Divide it.")
        left, number = MOST_UNPACKED, 0
        for member in members:
            # No more comes out of a member than it claims: what does not fit its claim fails its checksum.
            left -= member.file_size
            if left < 0:
                what = f"neither this nor what follows was read: unpacked it has more than {MOST_UNPACKED:,} bytes"
                yield _renumbered(Bad(0, what), number + 1, member.filename)
                return
            for found in _member(archive, member):
                number += 1
                yield _renumbered(found, number, member.filename)


def _ensure_small(file: BinaryIO) -> None:
    """Refuse a ZIP whose list of members alone would fill the memory; what is read of it is its last 64 KB."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 65_557 - 76))
    tail = file.read()
    file.seek(0)
    for mark, place, length in ((_END, 12, 4), (_END64, 40, 8)):
        at = tail.rfind(mark)
        if at >= 0 and int.from_bytes(tail[at + place : at + place + length], "little") > MOST_DIRECTORY:
            raise BadFile("The list of files in this ZIP is too long. Divide it.")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[Understood | Bad]:
    kind = kind_of(member.filename)
    if kind is None or kind == "zip":
        yield Bad(0, "it is of no kind that is read here")
    elif member.flag_bits & _ENCRYPTED:
        yield Bad(0, "it is encrypted")
    elif member.compress_type not in _PACKED:
        yield Bad(0, "it is packed in a way that is not read here: use plain ZIP")
    else:
        try:
            with archive.open(member) as stream:
                yield from READERS[kind](cast(BinaryIO, stream))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, BadFile) as error:
            yield Bad(0, f"it cannot be unpacked ({str(error)[:120]})")


def _renumbered(found: Understood | Bad, number: int, name: str) -> Understood | Bad:
    if isinstance(found, Bad):
        line = f", line {found.number:,}" if found.number else ""
        return Bad(number, f"{PurePosixPath(name).name[:80]!r}{line}: {found.why}")
    return Understood(number, found.data, found.claims, found.unread)


READERS: Mapping[str, Reader] = {
    "jsonl": read_jsonl,
    "csv": read_csv,
    "eml": _read_eml,
    "mbox": read_mbox,
    "zip": read_zip,
}
_ENDINGS = {"ndjson": "jsonl", "tsv": "csv", "txt": "csv", "mbx": "mbox"}
KINDS = tuple(READERS)


def kind_of(name: str) -> str | None:
    """Return the kind of a file by the ending of its name; None where it is none that is read."""
    ending = PurePosixPath(name).suffix.lower().removeprefix(".")
    kind = _ENDINGS.get(ending, ending)
    return kind if kind in READERS else None


def read_archive(file: BinaryIO, name: str) -> Iterator[Understood | Bad]:
    """Yield the records of an archive in order, and what in it is none; BadFile where it cannot be read at all."""
    kind = kind_of(name)
    if kind is None:
        raise BadFile(f"“{name[-60:]}” is of no kind that is read. Bring one that ends in .{', .'.join(KINDS)}.")
    return READERS[kind](file)


def letters_in(folder: Path) -> Iterator[Path]:
    """Yield the EML files of a folder and its folders, in order; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".eml" and stat.S_ISREG(path.lstat().st_mode):
            yield path


def read_folder(folder: Path) -> Iterator[Understood | Bad]:
    """Yield the records of a folder of EML files."""
    for number, path in enumerate(letters_in(folder), 1):
        if (size := path.stat().st_size) > MOST_RECORD:
            yield Bad(number, f"{path.name[:80]!r}: {too_large(size)}")
        else:
            yield _renumbered(read_message(number, path.read_bytes()), number, path.name)
