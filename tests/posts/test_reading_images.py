"""The words in an image: what Tesseract says of it, and whatever else a program of that name may do."""

from __future__ import annotations

import io
import os
import shutil
import time
from pathlib import Path

import pytest
from factories import a_picture
from PIL import Image, ImageDraw, ImageFont

from approval.posts import reading
from approval.posts.reading import Reading, read_words

HEADER = "level page_num block_num par_num line_num word_num left top width height conf text".replace(" ", r"\t")
TABLE = (
    rf"printf '{HEADER}\n"
    r"1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n"
    r"5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t96.1\tNo\n"
    r"5\t1\t1\t1\t1\t2\t0\t0\t9\t9\t12.0\t~|\n"
    r"5\t1\t1\t1\t1\t3\t0\t0\t9\t9\t96.1\trisk\n"
    r"5\t1\t1\t1\t2\t1\t0\t0\t9\t9\t96.1\tat\n"
    r"5\t1\t2\t1\t1\t1\t0\t0\t9\t9\t96.1\tall\n'"
)
VERSION = "echo tesseract 9.9"


def a_card(
    words: str = "Guaranteed 12% returns", *, letters: int = 60, size: tuple[int, int] = (1200, 630), mode: str = "RGB"
) -> bytes:
    """A PNG with these words; white on a transparent ground in the mode RGBA."""
    image = Image.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else "white")
    ink = "white" if mode == "RGBA" else "black"
    ImageDraw.Draw(image).text((40, 40), words, font=ImageFont.load_default(letters), fill=ink)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a shell script in the place of the program: what it does when asked for words, and for its version."""

    def put(act: str, *, version: str = VERSION, first: str = "#!/bin/sh") -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / reading.PROGRAM
        script.write_text(f'{first}\n[ "$1" = --version ] && {{ {version}; exit; }}\n{act}\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    return put


# -- the program itself --------------------------------------------------------------------------------------------

needs_tesseract = pytest.mark.skipif(
    not shutil.which(reading.PROGRAM), reason=f"{reading.PROGRAM} is not installed: apt-get install {reading.PACKAGE}"
)


@needs_tesseract
@pytest.mark.parametrize(
    "card",
    [a_card(), a_card(letters=12, size=(300, 200)), a_card(letters=200, size=(4000, 1200)), a_card(mode="RGBA")],
    ids=["plain", "small", "large", "white on nothing"],
)
def test_words_in_an_image_are_read(card: bytes):
    found = read_words(card)
    assert found is not None
    assert found.words == "Guaranteed 12% returns"
    assert found.by.startswith("tesseract ") and len(found.by) > len("tesseract ")


@needs_tesseract
def test_a_sentence_that_is_set_in_two_lines_stays_one():
    found = read_words(a_card("Guaranteed\n12% returns"))
    assert found is not None and found.words == "Guaranteed 12% returns"


@needs_tesseract
def test_an_image_without_words_was_read_and_says_nothing():
    found = read_words(a_picture())
    assert found is not None and found.words == ""


@needs_tesseract
def test_noise_is_not_taken_for_words():
    out = io.BytesIO()
    Image.effect_noise((800, 400), 80).convert("RGB").save(out, "PNG")
    found = read_words(out.getvalue())
    assert found is not None and found.words == ""


# -- whatever a program of that name does ---------------------------------------------------------------------------


def test_words_are_kept_by_paragraph_and_those_that_nobody_is_sure_of_are_left_out(stand_in):
    stand_in(TABLE)
    assert read_words(a_picture()) == Reading("No risk at\nall", "tesseract 9.9")


def test_without_the_program_nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_words(a_card()) is None


@pytest.mark.parametrize("upload", [b"", b"#!/bin/sh", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_never_reaches_the_program(stand_in, upload: bytes):
    folder = stand_in(f"touch ran; {TABLE}", version='touch "${0%/*}/ran"; ' + VERSION)
    assert read_words(upload) is None
    assert not (folder / "ran").exists()
    assert read_words(a_picture()) is not None and (folder / "ran").exists()


@pytest.mark.parametrize(
    "act",
    [
        "echo 'Guaranteed 12% returns'",
        "head -c 4000 /dev/urandom",
        f"printf '{HEADER}\\n5\\t1\\t1\\n'",
        f"printf '{HEADER}\\n5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\tmuch\\tNo\\n'",
        f"{TABLE}; exit 3",
        f"{TABLE}; kill -9 $$",
        ":",
    ],
    ids=["text", "noise", "cut off", "no number", "exit code", "killed", "silence"],
)
def test_an_answer_that_is_no_table_of_words_is_no_reading(stand_in, act: str):
    stand_in(act)
    assert read_words(a_picture()) is None


@pytest.mark.parametrize("version", [":", "echo something else", "head -c 100000 /dev/zero"])
def test_a_program_that_does_not_say_its_version_reads_nothing(stand_in, version: str):
    stand_in(TABLE, version=version)
    assert read_words(a_picture()) is None


def test_a_program_that_cannot_be_run_reads_nothing(stand_in):
    stand_in(TABLE, first="#!/nowhere/at/all")
    assert read_words(a_picture()) is None


@pytest.mark.parametrize("act", ["sleep 60", "sleep 60 & sleep 60", "exec >&-; sleep 60"])
def test_a_slow_program_is_ended_with_whatever_it_started(stand_in, monkeypatch: pytest.MonkeyPatch, act: str):
    monkeypatch.setattr(reading, "SECONDS", 1.0)
    folder = stand_in(f'echo $$ > "${{0%/*}}/leader"; {act}')
    began = time.monotonic()
    assert read_words(a_picture()) is None
    assert time.monotonic() - began < 15
    leader = int((folder / "leader").read_text())
    for _ in range(50):
        if not _living(leader):
            return
        time.sleep(0.1)
    raise AssertionError("something of its process group is still alive")


def _living(group: int) -> bool:
    """Say whether a process of the group runs: who ended and waits to be fetched does not."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = entry.read_text().rpartition(") ")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


def test_a_program_that_says_too_much_is_ended(stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SECONDS", 60.0)
    stand_in("exec cat /dev/zero")
    began = time.monotonic()
    assert read_words(a_picture()) is None
    assert time.monotonic() - began < 30, "it was ended by the time limit, not by how much it said"


def test_words_without_end_are_cut(stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "MOST_WORDS", 5)
    stand_in(TABLE)
    found = read_words(a_picture())
    assert found is not None and found.words == "No ri"


def test_the_program_gets_an_image_and_nothing_else_of_ours(stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPROVAL_SECRET_KEY", "hush")
    folder = stand_in(f'd="${{0%/*}}"; cat > "$d/given"; env > "$d/env"; pwd > "$d/pwd"; {TABLE}')
    assert read_words(a_picture()) is not None
    with Image.open(folder / "given") as given:
        assert (given.format, given.mode, given.size) == ("PNG", "L", (80, 60))
    assert "hush" not in (folder / "env").read_text() and "OMP_THREAD_LIMIT=1" in (folder / "env").read_text()
    assert (folder / "pwd").read_text().strip() == "/"


def test_images_wait_for_their_turn_and_not_for_ever(stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SECONDS", 0.5)
    stand_in(TABLE)
    with reading.AT_ONCE, reading.AT_ONCE:
        assert read_words(a_picture()) is None
    monkeypatch.setattr(reading, "SECONDS", 20.0)
    assert read_words(a_picture()) is not None
