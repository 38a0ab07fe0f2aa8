"""PDF and XLSX: what they hold, what they never do, and the same bytes every time."""

from __future__ import annotations

import datetime as dt
import io
import re
import subprocess
import sys
import zipfile
from xml.etree import ElementTree

import pytest

from approval.records.rendering import Column, How, Line, Sort, pdf
from approval.records.rendering.pdf import MOST_PASSAGE, drawable
from approval.records.rendering.xlsx import MOST_UNITS, Sheets

COLUMNS = (Column("Text"), Column("At", Sort.INSTANT), Column("Day", Sort.DAY), Column("Count", Sort.NUMBER))
AT = dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def book(*rows, **options):
    out = io.BytesIO()
    sheets = Sheets(out, COLUMNS, "Europe/Zurich", **options)
    for row in rows:
        sheets.add(row)
    sheets.close(["What this is."])
    return out.getvalue()


def cells(data, sheet=1):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))
    return root, [["".join(cell.itertext()) for cell in row.iter(f"{_MAIN}c")] for row in root.iter(f"{_MAIN}row")]


def document(text, foot="record 00"):
    lines = Line(How.HEADING, "Part"), Line(How.STEP, "Step", "now"), Line(How.FACT, "Name", "value")
    return pdf.document("Title", foot, (*lines, Line(How.WORDS, text)))


def pages(data):
    return int(re.search(rb"/Count (\d+)", data).group(1))


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "http://x.example", "mailto:a@b.c", "\t=1", "{=1}", "007", "1e9"]
)
def test_no_text_becomes_a_formula_a_link_or_a_number(evil):
    root, rows = cells(book((evil, AT, AT.date(), 1)))
    assert not list(root.iter(f"{_MAIN}f")) and not list(root.iter(f"{_MAIN}hyperlink"))
    assert rows[1][0] == evil
    first = next(cell for cell in root.iter(f"{_MAIN}c") if cell.get("r") == "A2")
    assert first.get("t") == "inlineStr"


def test_instants_are_dates_in_utc_and_in_the_zone_that_the_heading_names():
    root, rows = cells(book(("x", AT, AT.date(), 7)))
    assert rows[0] == ["Text", "At (UTC)", "At (Europe/Zurich)", "Day", "Count"]
    utc, here, day, count = map(float, rows[1][1:])
    assert round((here - utc) * 24, 6) == 1 and day == int(utc) and count == 7
    pane = next(root.iter(f"{_MAIN}pane"))
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen") and list(root.iter(f"{_MAIN}col"))


def test_a_cell_too_long_for_a_spreadsheet_is_cut_and_that_is_said():
    data = book(("😀" * 500_000, None, None, None), ("x" * MOST_UNITS, None, None, None))
    _, rows = cells(data)
    assert rows[1][0].endswith("…") and len(rows[1][0].encode("utf-16-le")) // 2 <= MOST_UNITS
    assert rows[2][0] == "x" * MOST_UNITS
    _, about = cells(data, 2)
    assert about[0] == ["What this is."] and any("1 cells hold more" in line[0] for line in about)


def test_what_no_xml_may_hold_is_replaced():
    _, rows = cells(book(("a\ufffe\uffffb\ud800", None, None, None)))
    assert rows[1][0] == "a\ufffd\ufffdb\ufffd"


def test_more_rows_than_a_sheet_takes_go_on_the_next():
    data = book(*((str(n), None, None, n) for n in range(7)), most_rows=4)
    assert [row[0] for row in cells(data, 2)[1]] == ["Text", "3", "4", "5"]
    assert [row[0] for row in cells(data, 3)[1]] == ["Text", "6"]


def test_a_hundred_thousand_rows_take_no_more_memory_than_a_few():
    script = (
        "import io, resource\n"
        "from approval.records.rendering import Column\n"
        "from approval.records.rendering.xlsx import Sheets\n"
        "import tempfile\n"
        "def peak(n):\n"
        "    with tempfile.TemporaryFile() as out:\n"
        "        s = Sheets(out, (Column('a'), Column('b')), 'UTC')\n"
        "        for i in range(n): s.add((f'{i} ' * 40, str(i)))\n"
        "        s.close()\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "few = peak(1000)\n"
        "print(peak(100_000) - few)\n"
    )
    grown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert int(grown) < 30_000  # KiB


def test_the_same_facts_give_the_same_bytes_in_every_process():
    script = (
        "import hashlib\n"
        "from approval.records.rendering import How, Line\n"
        "from approval.records.rendering.pdf import document\n"
        "d = document('T', 'f', [Line(How.WORDS, 'Grüezi שלום مرحبا 中 😀')])\n"
        "print(hashlib.sha256(d).hexdigest())\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert book(("x", AT, None, 1)) == book(("x", AT, None, 1)) != book(("y", AT, None, 1))


def test_what_the_font_cannot_draw_or_would_turn_the_line_is_a_code_point_and_said():
    assert drawable("Grüße, שלום, مرحبا, Ελλάδα, Привет") == "Grüße, שלום, مرحبا, Ελλάδα, Привет"
    assert drawable("中\u202e\x07\uf0f0") == "[U+4E2D][U+202E][U+0007][U+F0F0]"
    plain, undrawn = document("plain"), document("中" * 3)
    assert undrawn != document("[U+4E2D]" * 3) and len(undrawn) > len(plain)


def test_a_text_of_a_megabyte_is_printed_up_to_a_bound():
    whole, longer = document("word " * (MOST_PASSAGE // 5)), document("word " * 200_000)
    assert 1 < pages(whole) <= pages(longer) <= pages(whole) + 1


def test_every_page_names_the_record_and_which_page_it_is():
    assert document("x\n" * 500, foot="record aa") != document("x\n" * 500, foot="record bb")
    assert pages(document("x\n" * 500)) > 5


def test_a_text_that_names_the_placeholder_of_the_page_count_does_not_become_one():
    assert drawable("\uf0f0\uf0f1\uf0f2") == "[U+F0F0][U+F0F1][U+F0F2]"
    assert document("{nb} \uf0f0\uf0f1\uf0f2") != document("{nb} 1")
