"""A ZIP archive as it is being written: every member digested, nothing in it that depends on the clock."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, BinaryIO

from approval.errors import TooLarge

MOST_MEMBERS = 500_000
SUMS = "SHA256SUMS"
_BLOCK = 1 << 20
_DIGEST = hashlib.sha256().digest_size
_PLAIN_FILE = (stat.S_IFREG | 0o644) << 16
_FAST = 1
"""Compression: level 6 costs twice the time for an eighth of the bytes (measured on entries)."""


class Archive:
    """The members written so far; in memory stand the archive's directory and their digests alone."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST)
        self._digests = bytearray()

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def add(self, name: str, data: bytes, *, stored: bool = False) -> None:
        """Write one member; *stored* for what is compressed already."""
        self._ensure_room()
        info = _info(name, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
        self._zip.writestr(info, data, compress_type=info.compress_type, compresslevel=_FAST)
        self._digests += hashlib.sha256(data).digest()

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Write one member piece by piece."""
        self._ensure_room()
        digest = hashlib.sha256()
        with self._open(name) as stream:

            def write(data: bytes) -> None:
                digest.update(data)
                stream.write(data)

            yield write
        self._digests += digest.digest()

    def copy(self, name: str, source: BinaryIO) -> None:
        """Write what is left of a file as one member."""
        with self.member(name) as write:
            while block := source.read(_BLOCK):
                write(block)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """Write the list of digests and end the archive; after a failure, let go of the file."""
        if kind is None:
            self._end()
        else:
            with suppress(OSError, ValueError):
                self._zip.close()

    def _end(self) -> None:
        names = self._zip.namelist()
        with self._open(SUMS) as stream:
            for at in sorted(range(len(names)), key=names.__getitem__):
                digest = self._digests[at * _DIGEST : (at + 1) * _DIGEST]
                stream.write(f"{digest.hex()}  {names[at]}\n".encode())
        self._zip.close()

    def _open(self, name: str) -> IO[bytes]:
        return self._zip.open(_info(name, zipfile.ZIP_DEFLATED), "w", force_zip64=True)

    def _ensure_room(self) -> None:
        if len(self._zip.filelist) >= MOST_MEMBERS - 1:
            raise TooLarge(f"An export holds at most {MOST_MEMBERS:,} files. Choose a shorter period.")


def _info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3  # Unix, on every system: the same bytes
    info.external_attr = _PLAIN_FILE
    info.compress_type = method
    # ZipFile.open() knows no level of its own for a ZipInfo before Python 3.13.
    info._compresslevel = _FAST  # type: ignore[attr-defined]
    return info
