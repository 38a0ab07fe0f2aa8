"""Reading drafts from JSONL and CSV: one object per line, whatever is wrong with the others. Bounded by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from approval.errors import Invalid, Problem
from approval.people.queries import ChannelFacts

MOST_LINE = 1024 * 1024
MOST_CELL = 131_072
SHORT_TITLE = 60


@dataclass(frozen=True)
class Row:
    """A line of the file: its number, and its object, or the reason why it has none."""

    number: int
    obj: dict[str, Any] | None
    reason: str = ""


def jsonl_rows(file: BinaryIO) -> Iterator[Row]:
    """Return the objects of a JSONL file, line by line; empty lines are passed over."""
    for number, line in _lines(file):
        if line is None:
            yield Row(number, None, f"The line is longer than {MOST_LINE:,} bytes.")
        elif line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> Row:
    try:
        obj = json.loads(line.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        return Row(number, None, f"The line is not UTF-8 (byte {error.start + 1}).")
    except json.JSONDecodeError as error:
        return Row(number, None, f"The line is not JSON: {error.msg} (character {error.colno}).")
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"The line is not JSON: {str(error)[:120]}")
    if not isinstance(obj, dict):
        return Row(number, None, "The line is not a JSON object.")
    return Row(number, obj)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def csv_rows(file: BinaryIO) -> Iterator[Row]:
    """Return the objects of a CSV file with a head line, under the number of the line on which each begins.

    Columns are the keys of a post; `texts.<channel>`, `objective` or `objective.kind`, `objective.kpi` and so on name
    what lies inside; `disclosures` has one per line of its cell. Empty cells are left out.
    """
    read = _Counted(file)
    reader = csv.reader(read, strict=True)
    csv.field_size_limit(MOST_CELL)
    head: list[str] | None = None
    while True:
        number = read.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, None, f"The line is not CSV: {error}.")
            continue
        if head is None:
            head = [cell.strip() for cell in cells]
            if problem := _head_problem(head):
                yield Row(number, None, problem)
                return
        elif cells:
            yield _csv_row(number, head, cells)


def _head_problem(head: Sequence[str]) -> str:
    if len(set(head)) < len(head):
        return "A column comes twice in the first line."
    return "" if "title" in head or "text" in head else "The first line names no column `title` or `text`."


def _csv_row(number: int, head: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(head):
        return Row(number, None, f"The line has {len(cells)} cells; the first line names {len(head)} columns.")
    obj: dict[str, Any] = {}
    for name, cell in zip(head, cells, strict=True):
        if cell == "":
            continue
        outer, _, inner = ("objective", ".", "kind") if name == "objective" else name.partition(".")
        if outer in ("texts", "objective") and inner:
            obj.setdefault(outer, {})[inner] = cell
        else:
            obj[name] = [line for line in cell.splitlines() if line.strip()] if name == "disclosures" else cell
    return Row(number, obj)


class _Counted:
    """The lines of a file as text, counted. What is not UTF-8 becomes characters that no draft takes."""

    def __init__(self, file: BinaryIO) -> None:
        self.number = 0
        self._lines = _lines(file)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if line is None:
            raise csv.Error(f"the line is longer than {MOST_LINE:,} bytes")
        return line.decode(errors="surrogateescape").replace("\r\n", "\n")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Return the lines by number, None for one that is too long, without ever holding more than the limit."""
    number = 0
    while line := file.readline(MOST_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > MOST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MOST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


READERS: dict[str, Callable[[BinaryIO], Iterator[Row]]] = {".jsonl": jsonl_rows, ".csv": csv_rows}


def as_post(obj: dict[str, Any], channels: Iterable[ChannelFacts]) -> dict[str, Any]:
    """Turn `text` with `network` into the texts of a post: its channel is the first open one on that network."""
    if "text" not in obj and "network" not in obj:
        return obj
    rest = {key: value for key, value in obj.items() if key not in ("text", "network")}
    text, network = obj.get("text"), obj.get("network")
    if not isinstance(text, str) or not isinstance(network, str) or "texts" in rest:
        raise _wrong("text", "Give `text` with `network`, both as text, or `texts` by channel.")
    channel = next((one.name for one in channels if one.network == network and not one.closed), None)
    if channel is None:
        raise _wrong("network", f"The workspace has no open channel on “{network[:40]}”.")
    title = " ".join(text.split())[:SHORT_TITLE].rstrip()
    return {"title": title, **rest, "texts": {channel: text}}


def _wrong(where: str, what: str) -> Invalid:
    return Invalid(f"{where}: {what}", problems=(Problem(where, what),))
