"""Archives that are soundly signed and do not hold: a signer who lies, and archives that are not plain."""

from __future__ import annotations

import io
import json
import stat
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_exports import Export, Log, manifest_of, note_over, opening, save, sums_of, zipped

from approval.records import verify as verifier
from approval.records.verify import main, verify


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


# --- a signer who lies inside: the outer note is sound, the inside is not

Spoil = Callable[[Export], object]


def line_changed(name: str, number: int, change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(export: Export) -> None:
        lines = export.members[name].splitlines()
        record = json.loads(lines[number])
        change(record)
        lines[number] = json.dumps(record).encode()
        export.members[name] = b"\n".join(lines) + b"\n"

    return spoil


def lines_changed(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Spoil:
    def spoil(export: Export) -> None:
        lines = change(export.members[name].splitlines(keepends=True))
        export.members[name] = b"".join(lines)

    return spoil


def replaced(name: str, old: bytes, new: bytes) -> Spoil:
    def spoil(export: Export) -> None:
        assert old in export.members[name]
        export.members[name] = export.members[name].replace(old, new)

    return spoil


def entry_replaced(old: str, new: str) -> Spoil:
    return line_changed(ENTRIES, 2, lambda line: line.update(entry=line["entry"].replace(old, new)))


def manifest_with(**changes: Any) -> Spoil:
    return lambda export: export.manifest.update(changes)


def swap(one: str, other: str) -> Spoil:
    def spoil(export: Export) -> None:
        export.members[one], export.members[other] = export.members[other], export.members[one]

    return spoil


ENTRIES = "logs/northwind/entries.jsonl"
PROOF = "logs/northwind/proof"
CHECKPOINT = "logs/northwind/checkpoint"
OTHER = "logs/installation/"
NAME = opening("Ada Lovelace")

LIES: dict[str, tuple[Spoil, str]] = {
    "entry-changed": (entry_replaced('"p1"', '"p2"'), "root"),
    "entry-not-canonical": (entry_replaced('{"actor"', '{ "actor"'), "canonical"),
    "entry-with-a-name-twice": (entry_replaced('"v":1', '"v":1,"v":1'), "twice"),
    "entry-with-a-fraction": (entry_replaced('"v":1', '"v":1.0'), "not an integer"),
    "entry-with-a-huge-number": (entry_replaced('"v":1', '"v":' + "9" * 5000), "exact range"),
    "entry-of-another-version": (entry_replaced('"v":1', '"v":2'), "version 1"),
    "entry-with-true-for-version": (entry_replaced('"v":1', '"v":true'), "version 1"),
    "entry-nested-deeply": (entry_replaced('"v":1', '"v":' + "[" * 7000 + "]" * 7000), "line 3"),
    "entry-is-a-list": (line_changed(ENTRIES, 2, lambda line: line.update(entry="[1]")), "not an object"),
    "entry-too-long": (entry_replaced('"v":1', '"u":"' + "x" * 17000 + '","v":1'), "longer than"),
    "entry-dropped": (lines_changed(ENTRIES, lambda lines: lines[:2] + lines[3:]), "log northwind"),
    "last-entry-dropped": (lines_changed(ENTRIES, lambda lines: lines[:-1]), "log northwind"),
    "first-entry-dropped": (lines_changed(ENTRIES, lambda lines: lines[1:]), "index 0"),
    "no-entries": (lines_changed(ENTRIES, lambda lines: []), "no entry"),
    "entries-exchanged": (
        lines_changed(ENTRIES, lambda lines: [lines[0], lines[2], lines[1], lines[3]]),
        "after",
    ),
    "entry-twice": (lines_changed(ENTRIES, lambda lines: [*lines, lines[-1]]), "after"),
    "entry-put-in": (
        lines_changed(ENTRIES, lambda lines: [lines[0], lines[1].replace(b": 2,", b": 1,"), *lines[1:]]),
        "log northwind",
    ),
    "index-moved": (line_changed(ENTRIES, 3, lambda line: line.update(index=4)), "root"),
    "index-outside": (line_changed(ENTRIES, 3, lambda line: line.update(index=6)), "below 6"),
    "index-negative": (line_changed(ENTRIES, 0, lambda line: line.update(index=-1)), "below"),
    "index-is-a-text": (line_changed(ENTRIES, 3, lambda line: line.update(index="5")), "below"),
    "unknown-member-of-a-line": (line_changed(ENTRIES, 3, lambda line: line.update(more=1)), "line 4"),
    "line-is-no-json": (lines_changed(ENTRIES, lambda lines: [*lines, b"{\n"]), "line 5"),
    "line-without-newline": (replaced(ENTRIES, b"}\n", b"} "), "newline"),
    "proof-of-another-log": (swap(PROOF, OTHER + "proof"), "log northwind"),
    "entries-of-another-log": (swap(ENTRIES, OTHER + "entries.jsonl"), "another origin"),
    "checkpoint-of-another-log": (swap(CHECKPOINT, OTHER + "checkpoint"), "another key"),
    "proof-flipped": (replaced(PROOF, b"=\n", b"A\n"), "hash"),
    "proof-hash-removed": (lines_changed(PROOF, lambda lines: lines[:-1]), "ends early"),
    "proof-hash-added": (lines_changed(PROOF, lambda lines: [*lines, lines[0]]), "more hashes"),
    "proof-reversed": (lines_changed(PROOF, lambda lines: lines[::-1]), "root"),
    "checkpoint-of-another-size": (replaced(CHECKPOINT, b"\n6\n", b"\n7\n"), "signature"),
    "checkpoint-unsigned": (lambda export: export.members.update({CHECKPOINT: b"a\n6\nb\n"}), "checkpoint"),
    "opening-of-another-value": (
        line_changed(ENTRIES, 1, lambda line: line["openings"][0].update(value="Bob")),
        "open",
    ),
    "opening-with-another-salt": (
        line_changed(ENTRIES, 1, lambda line: line["openings"][0].update(salt="00" * 32)),
        "does not open",
    ),
    "opening-with-a-short-salt": (
        line_changed(ENTRIES, 1, lambda line: line["openings"][0].update(salt="")),
        "salt",
    ),
    "opening-of-nothing": (line_changed(ENTRIES, 0, lambda line: line.update(openings=[NAME])), "first met"),
    "opening-twice": (line_changed(ENTRIES, 2, lambda line: line.update(openings=[NAME])), "first met"),
    "opening-too-late": (lambda export: late_opening(export), "first met"),
    "opening-malformed": (line_changed(ENTRIES, 1, lambda line: line.update(openings=[1])), "opening"),
    "content-changed": (
        lambda export: export.members.update({export.content: b"other"}),
        "not named by its SHA-256",
    ),
    "content-missing": (lambda export: export.members.pop(export.content), "not said to be absent"),
    "absent-content-not-declared": (manifest_with(absent={}), "not said to be absent"),
    "absent-without-reason": (manifest_with(absent={"a": 1}), "absent"),
    "manifest-of-another-format": (manifest_with(format="approval-export/v2"), "format"),
    "manifest-of-another-origin": (manifest_with(origin="other.example.com"), "origin"),
    "manifest-of-another-workspace": (manifest_with(workspace="installation"), "another key"),
    "manifest-without-logs": (manifest_with(logs=[]), "logs"),
    "manifest-with-odd-logs": (
        manifest_with(logs=[{"log": "../x", "vkey": "", "size": 1, "entries": 1}]),
        "logs",
    ),
    "manifest-without-zone": (manifest_with(zone=None), "zone"),
    "manifest-is-a-list": (lambda export: setattr(export, "manifest", [1]), "manifest"),
    "manifest-hides-a-log": (lambda export: export.manifest["logs"].pop(), "not those in the archive"),
    "manifest-counts-wrongly": (lambda export: export.manifest["logs"][0].update(entries=5), "other numbers"),
    "manifest-says-another-size": (lambda export: export.manifest["logs"][0].update(size=7), "other numbers"),
    "manifest-with-a-malformed-key": (
        lambda export: export.manifest["logs"][1].update(vkey=7),
        "verifier key",
    ),
    "log-opened-under-another-key": (lambda export: reopened(export, vkey="x"), "another origin or key"),
    "log-opened-under-another-origin": (lambda export: reopened(export, origin="x"), "another origin or key"),
    "log-not-opened": (lambda export: reopened(export, kind="posts.created"), "not log.opened"),
    "sums-missing-a-member": (
        lambda export: sums(export, lambda text: text.split(b"\n", 1)[1]),
        "SHA256SUMS",
    ),
    "sums-without-the-last": (
        lambda export: sums(export, lambda text: text[: text[:-1].rindex(b"\n") + 1]),
        "not name",
    ),
    "sums-with-one-too-many": (
        lambda export: sums(export, lambda text: text + b"0" * 64 + b"  zzz\n"),
        "zzz",
    ),
    "sums-with-another-digest": (
        lambda export: sums(export, lambda text: b"0" * 64 + text[64:]),
        "SHA-256 is not",
    ),
    "sums-empty": (lambda export: sums(export, lambda text: b"\n"), "SHA256SUMS"),
}


def late_opening(export: Export) -> None:
    export.log.openings = {3: [export.name]}
    export.members |= export.log.members()


def reopened(export: Export, *, kind: str = "log.opened", **facts: str) -> None:
    """The whole log is built anew on another first entry, so that its proof and its signature hold."""
    opened = {"origin": export.log.key.name, "vkey": export.vkey, **facts}
    export.log.append(kind, facts=opened)
    export.log.entries[0] = export.log.entries.pop()
    export.members |= export.log.members()


def sums(export: Export, change: Callable[[bytes], bytes]) -> None:
    members = {**export.members, "manifest.json": json.dumps(export.manifest, indent=1).encode()}
    export.members["SHA256SUMS"] = change(sums_of(members))


@pytest.mark.parametrize(("spoil", "reason"), LIES.values(), ids=LIES)
def test_a_lie_inside_a_soundly_signed_archive_is_named(export, spoil, reason):
    spoil(export)
    report = verify(export.save(), export.vkey)
    assert not report.holds
    assert reason in "\n".join(report.failures)
    assert "The export does NOT hold" in report.to_text()


def test_the_log_rebuilt_for_a_lie_would_hold_without_it(export):
    reopened(export)
    assert verify(export.save(), export.vkey).failures == []


# --- archives that are not plain


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
    "directory-elsewhere": (lambda: bytes(76) + b"PK\x06\x07" + bytes(16) + written(), "where it should be"),
    "broken-stream": (lambda: broken_stream(), "cannot be unpacked"),
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


@pytest.mark.parametrize(("archive", "reason"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_is_not_plain_is_refused_before_it_is_unpacked(export, archive, reason):
    report = verify(export.save(archive()))
    assert not report.holds
    assert reason in report.failures[0]


def test_too_many_members_are_refused(export, monkeypatch):
    monkeypatch.setattr(verifier, "MAX_MEMBERS", 3)
    assert "more than 3 members" in verify(export.save()).failures[0]


def test_a_member_that_lies_about_its_size_is_refused(export):
    data = bytearray(export.archive())
    at = data.index(b"PK\x01\x02")
    size = int.from_bytes(data[at + 24 : at + 28], "little")
    data[at + 24 : at + 28] = (size - 1).to_bytes(4, "little")
    assert not verify(export.save(bytes(data))).holds


def test_what_the_export_says_cannot_write_to_the_terminal(export, capsys):
    export.manifest["zone"] = "\x1b[2J\u202e"
    assert main([export.save()]) == 0
    said = capsys.readouterr().out
    assert said.isascii()
    assert "\x1b" not in said


def test_a_long_log_is_verified_in_constant_memory(tmp_path):
    peaks = []
    for size in (1_000, 4_000):
        path = long_export(tmp_path, size)
        tracemalloc.start()
        assert verify(path).failures == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


def long_export(folder: Path, size: int) -> str:
    log = Log("long")
    for number in range(size - 1):
        log.append("posts.created", request=str(number))
    members = log.members() | {"manifest.json": json.dumps(manifest_of(log)).encode()}
    archive = zipped({**members, "SHA256SUMS": sums_of(members)})
    return save(folder, archive, note_over(archive, log))
