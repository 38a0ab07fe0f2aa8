"""Tables as XLSX: typed cells, no formula ever, the same bytes for the same rows, constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from approval.records.rendering.table import Column, Sort, headings, naive

MOST_ROWS = 1_048_576
"""Rows of a sheet, its heading included (Excel specifications and limits)."""
MOST_UNITS = 32_767
"""UTF-16 code units of a cell (the same)."""
_MADE = datetime(1980, 1, 1)
# XML 1.0, production 2: what no document may hold. The library escapes C0 control characters itself.
_UNFIT = re.compile("[\ud800-\udfff\ufffe\uffff]")
_FORMATS = {Sort.DAY: "yyyy-mm-dd", Sort.INSTANT: "yyyy-mm-dd hh:mm:ss", Sort.NUMBER: "0", Sort.TEXT: "@"}


class Sheets:
    """A workbook that is written row by row into *out*: the answer on as many sheets as it needs, then what it is."""

    def __init__(self, out: BinaryIO, columns: Sequence[Column], zone: str, *, most_rows: int = MOST_ROWS) -> None:
        self._columns, self._zone, self._most_rows = columns, zone, most_rows
        self._book = Workbook(
            out,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_properties({"created": _MADE})
        self._head = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._formats = {
            sort: self._book.add_format({"num_format": form, "valign": "top"}) for sort, form in _FORMATS.items()
        }
        self._sheets = self._cut = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet("Answer" if self._sheets == 1 else f"Answer {self._sheets}")
        self._row = 0
        self._sheet.freeze_panes(1, 0)
        widths = [c.width for c in self._columns for _ in range(2 if c.sort is Sort.INSTANT else 1)]
        for place, (name, width) in enumerate(zip(headings(self._columns, self._zone), widths, strict=True)):
            self._sheet.set_column(place, place, width)
            self._sheet.write_string(0, place, name, self._head)

    def add(self, row: Sequence[Any]) -> None:
        """Write a row."""
        if self._row + 1 >= self._most_rows:
            self._begin()
        self._row += 1
        for place, (sort, value) in enumerate(naive(self._columns, row, self._zone)):
            if value is not None:
                self._write(place, sort, value)

    def _write(self, place: int, sort: Sort, value: Any) -> None:
        form = self._formats[sort]
        if sort in (Sort.DAY, Sort.INSTANT):
            self._sheet.write_datetime(self._row, place, value, form)
        elif sort is Sort.NUMBER:
            self._sheet.write_number(self._row, place, value, form)
        else:
            self._sheet.write_string(self._row, place, self._text(str(value)), form)

    def _text(self, text: str) -> str:
        text = _UNFIT.sub("\ufffd", text)
        # A character outside the first plane is two units.
        if len(text) * 2 > MOST_UNITS and len(text.encode("utf-16-le")) // 2 > MOST_UNITS:
            self._cut += 1
            return text.encode("utf-16-le")[: 2 * (MOST_UNITS - 1)].decode("utf-16-le", "ignore") + "…"
        return text

    def close(self, notes: Iterable[str] = ()) -> None:
        """Write what the answer is, and end the workbook."""
        about = self._book.add_worksheet("About")
        about.set_column(0, 0, 110)
        wrapped = self._book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        said = [*notes, f"Times stand twice: in UTC, and in {self._zone}."]
        if self._cut:
            said.append(
                f"{self._cut:,} cells hold more than a spreadsheet takes ({MOST_UNITS:,} characters) and end with “…”. "
                "The CSV file beside this one holds them whole."
            )
        for row, note in enumerate(said):
            about.write_string(row, 0, self._text(note), wrapped)
        self._book.close()
