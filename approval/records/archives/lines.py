"""Archives of lines: JSON (one object a line) and CSV, read row by row with the bytes each row was."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from approval.errors import BadFile
from approval.records.archives.claims import NAMES, Bad, Understood, claims_of, slug

MOST_LINE = 1024 * 1024
"""Bytes of one line of JSON, and of one row of CSV over all its lines."""
_BLOCK = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_NO_WORDS = f"it has no text: a field named one of {', '.join(NAMES['text'])} holds the words"
_WIDE_FILE = "This file is in UTF-16. Save it as UTF-8, then bring it again."


def read_jsonl(file: BinaryIO) -> Iterator[Understood | Bad]:
    """Yield the record of each line that is not empty; its bytes are the line without its end."""
    for number, line in _lines(file):
        if line is None:
            yield Bad(number, f"it is longer than {MOST_LINE:,} bytes")
        elif line.strip():
            yield _object(number, line)


def _object(number: int, line: bytes) -> Understood | Bad:
    try:
        value = json.loads(line.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return Bad(number, f"it is not JSON ({_short(error)})")
    if not isinstance(value, dict):
        return Bad(number, "it is no object: write {…} with named fields")
    return _record(number, line.rstrip(b"\r\n"), value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _record(number: int, data: bytes, fields: dict[str, Any]) -> Understood | Bad:
    claims, unread = claims_of(fields)
    return Understood(number, data, claims, unread) if claims.text or claims.title else Bad(number, _NO_WORDS)


def read_csv(file: BinaryIO) -> Iterator[Understood | Bad]:
    """Yield the record of each row, its bytes being the header and the row; BadFile where the header names no text."""
    number, first = next(_lines(file), (1, b""))
    if first is None:
        raise BadFile(f"The first line is longer than {MOST_LINE:,} bytes: it should name the columns.")
    delimiter = max((b",", b";", b"\t"), key=first.count).decode()
    header = next(csv.reader([_text(first)], delimiter=delimiter), [])
    names = [slug(name) for name in header]
    if not {*names} & {*NAMES["text"], *NAMES["title"]}:
        raise BadFile(f"The first line names no column of text. Call one {' or '.join(NAMES['text'][:4])}.")
    if len({*names} - {""}) < len([name for name in names if name]):
        raise BadFile("Two columns have the same name. Give each a name of its own.")
    head = first if first.endswith(b"\n") else first + b"\n"
    for at, raw, cells in _rows(file, delimiter, number):
        if isinstance(cells, str):
            yield Bad(at, cells)
        elif len(cells) > len(header):
            yield Bad(at, f"it has {len(cells)} cells, the first line names {len(header)}")
        elif any(cell.strip() for cell in cells):
            yield _record(at, head + raw.rstrip(b"\r\n"), dict(zip(header, cells, strict=False)))


class _Fed:
    """The lines that a reader of CSV has taken since its row began."""

    def __init__(self, lines: Iterator[tuple[int, bytes | None]]) -> None:
        self._lines = lines
        self.taken: list[bytes] = []
        self.size = self.reached = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            self.reached = number
            self.taken.append(line or b"")
            self.size += len(line or b"")
            if line is None or self.size > MOST_LINE:
                raise csv.Error(f"it is longer than {MOST_LINE:,} bytes")
            yield _text(line)

    def begin(self) -> None:
        """A row begins."""
        self.taken.clear()
        self.size = 0


def _rows(file: BinaryIO, delimiter: str, before: int) -> Iterator[tuple[int, bytes, list[str] | str]]:
    """Yield each row with the number of its first line and its bytes, as cells or as what is wrong with it."""
    fed = _Fed(_lines(file, before))
    reader = csv.reader(iter(fed), delimiter=delimiter, strict=True)
    cells: list[str] | str | None
    while True:
        fed.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells = str(error) if str(error).startswith("it is") else f"it is not CSV ({_short(error)})"
            # What the reader had begun is given up with it; the next one begins at the next line.
            reader = csv.reader(iter(fed), delimiter=delimiter, strict=True)
        if cells is None:
            return
        if isinstance(cells, str) and len(fed.taken) > 1:
            cells = f"up to line {fed.reached:,}, {cells}: perhaps a quotation mark is never closed"
        yield fed.reached - len(fed.taken) + 1, b"".join(fed.taken), cells


def _lines(file: BinaryIO, before: int = 0) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, None for one that is too long; memory holds one line."""
    number = before
    while line := file.readline(MOST_LINE + 1):
        number += 1
        if number == 1:
            if line.startswith(_WIDE):
                raise BadFile(_WIDE_FILE)
            line = line.removeprefix(_BOM)
        if len(line) <= MOST_LINE:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(_BLOCK)
        yield number, None


def _text(line: bytes) -> str:
    """Return a line as text: UTF-8, or what older programs of Windows write."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _short(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:120]
