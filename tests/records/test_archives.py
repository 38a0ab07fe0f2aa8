"""What another tool kept is read without trust: each line for itself, in bounded memory, nothing taken for more than
it says."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
import zipfile
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from approval.errors import BadFile
from approval.records.archives import (
    MOST_RECORD,
    Bad,
    Understood,
    claims_of,
    letters_in,
    look_at,
    read_archive,
    read_folder,
    reading,
)
from approval.records.archives.claims import moment_of

ZURICH = ZoneInfo("Europe/Zurich")
EML = b"From: Maria <maria@bank.example>\r\nDate: Mon, 01 Jan 2024 10:00:00 +0100\r\nSubject: Hours\r\n\r\nWe open.\r\n"


def read(data: bytes, name: str) -> list[Understood | Bad]:
    return list(read_archive(io.BytesIO(data), name))


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


# -- lines --------------------------------------------------------------------------------------------------------


def test_a_line_of_json_is_a_record_with_the_bytes_it_was():
    line = b'{"text": "We open.", "author": {"name": "Maria"}, "approved_by": "Carla", "date": "2024-01-01", "x": 1}'
    (one,) = read(b"\n" + line + b"\r\n", "a.jsonl")
    assert isinstance(one, Understood)
    assert (one.number, one.data, one.unread) == (2, line, ("x",))
    said = one.claims
    assert (said.text, said.author, said.approver, said.when) == ("We open.", "Maria", "Carla", "2024-01-01")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[1]", "no object"),
        (b'{"x": 1}', "has no text"),
        (b'{"text": ""}', "has no text"),
        (b'{"text": "a", "text": "b"}', "stands twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"text": "\xff"}', "not JSON"),
        (b'{"text": "' + b"a" * 1_100_000 + b'"}', "longer than 1,048,576 bytes"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_beside_it_are_kept(line, why):
    good = b'{"text": "We open."}'
    first, bad, last = read(b"\n".join((good, line, good)), "a.jsonl")
    assert isinstance(first, Understood) and isinstance(last, Understood)
    assert isinstance(bad, Bad) and (bad.number, last.number) == (2, 3)
    assert why in bad.why


def test_a_row_of_csv_carries_its_header_and_may_have_several_lines():
    found = read(b'Date;Posted by;Text\r\n2024-01-01;Maria;"We\r\nopen"\r\n;;Again\r\n', "a.csv")
    assert [one.number for one in found] == [2, 4]
    assert found[0].data == b'Date;Posted by;Text\r\n2024-01-01;Maria;"We\r\nopen"'
    assert (found[0].claims.text, found[0].claims.author) == ("We\nopen", "Maria")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'"a"b,c', "not CSV"),
        (b"a,b,c,d", "4 cells"),
        (b'"' + b"a,b\n" * 40_000, "never closed"),
        (b"a," + b"b" * 200_000, "not CSV"),
    ],
)
def test_a_bad_row_is_named_and_the_next_is_read(row, why):
    bad, *rest = read(b"text,author\n" + row + b"\nWe open.,Maria\n", "a.csv")
    assert isinstance(bad, Bad) and why in bad.why and bad.number == 2
    assert rest[-1].claims.author == "Maria"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no column of text"),
        (b"when,who\n2024-01-01,Maria\n", "no column of text"),
        (b"text,Text\na,b\n", "same name"),
        (b"\xff\xfet\x00", "UTF-16"),
        (b"a" * 1_100_000, "longer than"),
    ],
)
def test_a_table_without_a_head_is_refused_whole(data, said):
    with pytest.raises(BadFile, match=said):
        read(data, "a.csv")


def test_what_old_programs_of_windows_wrote_is_read_and_marks_of_order_are_not_text():
    (one,) = read(b"\xef\xbb\xbftext\nGr\xfc\xdfe\n", "a.csv")
    assert one.claims.text == "Grüße"
    assert one.data == b"text\nGr\xfc\xdfe"


def test_nothing_reaches_the_database_that_it_cannot_hold():
    claims, _ = claims_of({"text": "a\x00b\ud800c\x07", "author": "M" * 1000, "title": "x\r\ny"})
    assert claims.text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    assert len(claims.author) == 300 and claims.title == "x\ny"


# -- days -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-01-01", datetime(2023, 12, 31, 23, tzinfo=UTC)),
        ("2024-01-01T10:00:00Z", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("2024-01-01 10:00:00 UTC", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 01 Jan 2024 10:00:00 +0100", datetime(2024, 1, 1, 9, tzinfo=UTC)),
        ("1704103200", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("1704103200123", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("03/04/2024", None),
        ("yesterday", None),
        ("0001-01-01", None),
        ("9999-12-31T23:59:59Z", None),
        ("", None),
    ],
)
def test_a_day_counts_only_where_its_words_can_mean_but_one(text, instant):
    assert moment_of(text, ZURICH) == instant


# -- messages -------------------------------------------------------------------------------------------------------


def test_a_message_says_who_and_when_in_its_headers():
    (one,) = read(EML, "a.eml")
    assert one.data == EML
    assert (one.claims.title, one.claims.author, one.claims.text) == ("Hours", "Maria <maria@bank.example>", "We open.")
    assert one.claims.made(ZURICH) == datetime(2024, 1, 1, 9, tzinfo=UTC)


def test_html_is_read_without_its_marks_and_attachments_are_named():
    message = (
        b"Subject: Hours\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/html\n\n<style>p {}</style><p>We <b>open</b>.<script>alert(1)</script>\n"
        b'--b\nContent-Disposition: attachment; filename="rates.pdf"\n\nJVBERi0=\n--b--\n'
    )
    (one,) = read(message, "a.eml")
    assert (one.claims.text, one.claims.attachments) == ("We open.", ("rates.pdf",))


@pytest.mark.parametrize("charset", ["unicode_escape", "punycode", "utf-7", "rot13", "zip", "\x00", "x" * 5000])
def test_a_charset_that_is_none_decodes_nothing(charset):
    header = f"Subject: x\nContent-Type: text/plain; charset={charset}\n\n".encode()
    (one,) = read(header + b"a\\x41 +AGE-", "a.eml")
    assert one.claims.text == "a\\x41 +AGE-"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no headers at all", "no message"),
        (b"Subject:\n\n", "no message"),
        (b"Subject: x\n\n" + b"a\n" * 600_000, "500,000 lines"),
        (
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(40)),
            "40|30 parts",
        ),
        (b"Subject: x\n\n" + b"a" * MOST_RECORD, "25 MB"),
    ],
)
def test_a_message_that_would_cost_too_much_is_named(data, why):
    began = time.process_time()
    (bad,) = read(data, "a.eml")
    assert isinstance(bad, Bad) and why.split("|")[-1] in bad.why
    assert time.process_time() - began < 10


def test_an_mbox_is_its_messages():
    first, last = read(b"From a\n" + EML + b"\nFrom b\nSubject: x\n\n>From here\n", "a.mbox")
    assert (first.claims.title, last.number, last.data) == ("Hours", 2, b"Subject: x\n\n>From here\n")
    (bad,) = read(b"Subject: x\n", "a.mbox")
    assert "begins with a line" in bad.why


def test_a_folder_is_its_messages_and_no_link_is_followed(tmp_path):
    outside = tmp_path / "outside.eml"
    outside.write_bytes(EML)
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "2.EML").write_bytes(EML)
    (folder / "1.eml").write_bytes(EML)
    (folder / "notes.txt").write_bytes(b"x")
    (folder / "0.eml").symlink_to(outside)
    assert [path.name for path in letters_in(folder)] == ["1.eml", "2.EML"]
    assert [one.number for one in read_folder(folder)] == [1, 2]


# -- packed ---------------------------------------------------------------------------------------------------------


def test_a_zip_is_its_members_in_order_of_name():
    first, second, third, bad = read(
        zipped(b_csv=b"text\nOne\n", a_eml=EML, c_jsonl=b'{"text": "Two"}', d_exe=b"x"), "a.zip"
    )
    assert [one.claims.name for one in (first, second, third)] == ["Hours", "One", "Two"]
    assert (bad.number, bad.why) == (4, "'d.exe': it is of no kind that is read here")


def test_a_bomb_is_told_and_takes_no_memory(monkeypatch):
    monkeypatch.setattr(reading, "MOST_UNPACKED", 40 * 1024 * 1024)
    bomb = zipped(a_eml=b"Subject: x\n\n" + bytes(30 * 1024 * 1024), b_jsonl=b"x" * (30 * 1024 * 1024), c_eml=EML)
    tracemalloc.start()
    found = read(bomb, "a.zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [type(one) for one in found] == [Bad, Bad]
    assert "25 MB" in found[0].why and "more than 41,943,040 bytes" in found[1].why
    assert peak < 80 * 1024 * 1024


def test_control_without_a_limit_all_of_the_bomb_is_unpacked():
    found = read(zipped(a_jsonl=b"x" * (30 * 1024 * 1024), c_eml=EML), "a.zip")
    assert isinstance(found[-1], Understood)


@pytest.mark.parametrize("spoil", [0.3, 0.5, 0.9])
def test_a_torn_zip_is_a_clear_no(spoil):
    data = zipped(a_eml=EML * 50, b_eml=EML)
    torn = bytearray(data)
    torn[int(len(data) * spoil)] ^= 0xFF
    try:
        found = read(bytes(torn), "a.zip")
    except BadFile:
        return
    assert all(isinstance(one, Bad | Understood) for one in found)
    with pytest.raises(BadFile):
        read(data[: len(data) // 2], "a.zip")


def test_a_list_of_members_that_would_fill_the_memory_is_not_read():
    end = bytearray(zipped(a_eml=EML))
    at = end.rfind(b"PK\x05\x06")
    end[at + 12 : at + 16] = (100 * 1024 * 1024).to_bytes(4, "little")
    with pytest.raises(BadFile, match="too long"):
        read(bytes(end), "a.zip")


@pytest.mark.parametrize("name", ["a.exe", "a", "", "a.jsonl.gz"])
def test_a_kind_that_is_not_read_is_refused_by_name(name):
    with pytest.raises(BadFile, match=r"\.jsonl, \.csv, \.eml, \.mbox, \.zip"):
        read(b"x", name)


# -- looking --------------------------------------------------------------------------------------------------------


def test_a_look_counts_everything_and_names_the_first():
    lines = [json.dumps({"text": "a", "date": "2024-02-01"}), json.dumps({"text": "b", "last_used": "2024-05-01"}), "{"]
    look = look_at(read_archive(io.BytesIO("\n".join(lines + ["x"] * 150).encode()), "a.jsonl"), ZURICH)
    assert (look.good, look.bad, look.undated, len(look.problems)) == (2, 151, 0, 100)
    assert (look.first, look.last) == (
        datetime(2024, 1, 31, 23, tzinfo=UTC),
        datetime(2024, 4, 30, 22, tzinfo=UTC),
    )


def test_many_lines_take_the_memory_of_one():
    lines = b"".join(b'{"text": "%d%s", "date": "2024-01-01"}\n' % (n, b"a" * 2_000) for n in range(1_500))
    file = io.BytesIO(lines)
    tracemalloc.start()
    look = look_at(read_archive(file, "a.jsonl"), ZURICH)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert look.good == 1_500
    assert peak < 1024 * 1024 < len(lines)
