"""Archives that are not plain: how each is made, and the words that a verifier must say."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable


def written(*entries: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of duplicate names, which is what one case is about
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def symlink(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def with_comment(data: bytes) -> bytes:
    return data[:-2] + b"\x04\0more"


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "duplicate-names": (lambda: written(("a", b"1"), ("a", b"2")), "twice"),
    "names-that-differ-in-case": (lambda: written(("a", b"1"), ("A", b"2")), "twice"),
    "parent-folder": (lambda: written(("../a", b"")), "plain relative path"),
    "parent-folder-inside": (lambda: written(("a/../../b", b"")), "plain relative path"),
    "absolute": (lambda: written(("/etc/passwd", b"")), "plain relative path"),
    "drive": (lambda: written(("C:a", b"")), "plain relative path"),
    "backslash": (lambda: written(("a\\b", b"")), "plain relative path"),
    "folder": (lambda: written(("a/", b"")), "plain relative path"),
    "hidden": (lambda: written((".a", b"")), "plain relative path"),
    "control-character": (lambda: written(("a\x1b[2J", b"")), "plain relative path"),
    "newline-at-the-end": (lambda: written(("a\n", b"")), "plain relative path"),
    "not-ascii": (lambda: written(("é", b"")), "plain relative path"),
    "endless-name": (lambda: written(("a" * 201, b"")), "plain relative path"),
    "null-in-the-name": (lambda: written(("aXb", b"")).replace(b"aXb", b"a\0b"), "plain relative path"),
    "symbolic-link": (lambda: written((symlink("a"), b"/etc/passwd")), "plain file"),
    "bzip2": (lambda: written(("a", b"1"), method=zipfile.ZIP_BZIP2), "neither stored nor deflated"),
    "encrypted": (lambda: encrypted(), "plain file"),
    "bomb": (lambda: written(("a", bytes(80 * 2**20)), method=zipfile.ZIP_DEFLATED), "bomb"),
    "comment": (lambda: with_comment(written(("a", b"1"))), "without comment"),
    "no-archive": (lambda: b"not a ZIP archive at all, merely signed", "archive"),
    "nothing": (lambda: b"", "archive"),
    "no-members": (lambda: written(), "manifest.json: missing"),
    "huge-directory": (lambda: huge_directory(), "directory is too large"),
    "huge-directory-of-64-bits": (lambda: huge_directory64(), "directory is too large"),
    "something-before-the-archive": (lambda: b"#!/bin/sh\n" + written(("a", b"1")), "where it should be"),
    "directory-elsewhere": (lambda: bytes(76) + b"PK\x06\x07" + bytes(16) + written(), "where it should be"),
    "broken-stream": (lambda: broken_stream(), "cannot be unpacked"),
    "two-names-for-one-member": (lambda: two_names(), "differ"),
    "lying-about-its-size": (lambda: lying_size(), "cannot be unpacked"),
    "lying-about-its-checksum": (lambda: lying_checksum(), "cannot be unpacked"),
    "member-outside-the-archive": (lambda: patched(written(("manifest.json", b"1")), 42, 2**31), "archive"),
    "extra-field-cut-short": (lambda: short_extra_field(), "archive"),
    "500,001-members": (lambda: crowded(500_001), "more than 500000 members"),
}


def encrypted() -> bytes:
    data = bytearray(written(("a", b"1")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def huge_directory() -> bytes:
    data = bytearray(written(("a", b"1")))
    data[-10:-6] = (2**31).to_bytes(4, "little")
    return bytes(data)


def huge_directory64() -> bytes:
    record = b"PK\x06\x06" + bytes(36) + (2**40).to_bytes(8, "little") + bytes(8)
    return record + b"PK\x06\x07" + bytes(16) + written()


def broken_stream() -> bytes:
    data = bytearray(written(("manifest.json", b"{}" * 500), method=zipfile.ZIP_DEFLATED))
    data[45] ^= 0xFF
    return bytes(data)


def patched(archive: bytes, at: int, value: int) -> bytes:
    """Write 32 bits into the first entry of the directory."""
    data = bytearray(archive)
    start = data.index(b"PK\x01\x02") + at
    data[start : start + 4] = value.to_bytes(4, "little")
    return bytes(data)


def two_names() -> bytes:
    return written(("manifest.json", b"{}")).replace(b"manifest.json", b"manifesT.json", 1)


def lying_size() -> bytes:
    """A bomb that its directory calls 14 bytes."""
    return patched(written(("manifest.json", bytes(20 * 2**20)), method=zipfile.ZIP_DEFLATED), 24, 14)


def lying_checksum() -> bytes:
    return patched(written(("manifest.json", b"{}")), 16, 7)


def short_extra_field() -> bytes:
    info = zipfile.ZipInfo("manifest.json")
    info.extra = b"\x01\0\x08\0"
    return written((info, b"{}"))


def crowded(count: int) -> bytes:
    """A directory alone: what it lists is looked at before anything is unpacked."""
    head = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 6) + bytes(16)
    directory = b"".join(head + b"%06d" % number for number in range(count))
    return directory + b"PK\x05\x06" + bytes(8) + struct.pack("<LLH", len(directory), 0, 0)
