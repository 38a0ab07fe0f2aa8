"""What a signer could lie about: exports that are soundly signed and do not hold, and the words that say why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from small_exports import Export, opening, sums_of

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
