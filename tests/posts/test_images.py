from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from approval.errors import BadFile, TooLarge
from approval.posts import images
from approval.posts.images import ensure_evidence, read_image

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def an_image(kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "teal" if mode in ("RGB", "P", "RGBA") else 0).save(out, kind, **options)
    return out.getvalue()


def a_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/png")],
)
def test_an_image_is_made_anew(kind, becomes):
    picture = read_image(an_image(kind))
    assert (picture.kind, picture.width, picture.height) == (becomes, 60, 40)
    with Image.open(io.BytesIO(picture.data)) as again:
        assert again.size == (60, 40)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_images_of_every_mode_are_taken(mode):
    assert read_image(an_image("PNG", mode=mode)).kind == "image/png"


def test_the_place_where_a_photograph_was_taken_stays_behind():
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by 90 degrees.
    exif.get_ifd(0x8825)[1] = "N"
    upload = an_image("JPEG", exif=exif, comment=b"taken at home")
    assert b"Exif" in upload
    picture = read_image(upload)
    assert (picture.width, picture.height) == (40, 60)
    assert b"Exif" not in picture.data
    assert b"taken at home" not in picture.data


def test_the_same_upload_gives_the_same_bytes():
    assert read_image(an_image()).data == read_image(an_image()).data


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 9_000), (8_000, 5_001), (16_385, 1)])
def test_an_image_bomb_is_refused_before_it_is_decoded(size):
    with pytest.raises(BadFile, match="too many pixels"):
        read_image(a_bomb(*size))


def test_the_limit_is_what_refuses_the_bomb(monkeypatch):
    upload = an_image("PNG", (300, 200))
    assert read_image(upload).width == 300
    monkeypatch.setattr(images, "MOST_PIXELS", 59_999)
    with pytest.raises(BadFile, match="too many pixels"):
        read_image(upload)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"Open at nine.", "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
        (PDF, "application/pdf"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"MZ" + bytes(100), "a program"),
        (b"\xff\xd8\xff", "broken or cut off"),
        (b"GIF89a" + bytes(20), "broken or cut off"),
        (b"RIFF\x00\x00\x00\x00WEBP", "broken or cut off"),
    ],
)
def test_what_is_no_image_is_refused_by_name(data, what):
    with pytest.raises(BadFile, match=what):
        read_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_image_cut_off_is_refused(kind):
    upload = an_image(kind, (300, 200))
    assert read_image(upload)
    with pytest.raises(BadFile, match="cut off"):
        read_image(upload[: len(upload) * 2 // 3])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize(
    ("other", "name"),
    [
        (b"PK\x05\x06" + bytes(18), "a ZIP archive"),
        (PDF, "a PDF"),
        (b"<script>alert(1)</script>", "a web page or script"),
        (b"<?php system('id'); ?>", "a web page or script"),
    ],
)
def test_a_polyglot_is_refused_by_name(kind, other, name):
    with pytest.raises(BadFile, match=name):
        read_image(an_image(kind) + other)


def test_something_appended_to_a_png_is_refused():
    with pytest.raises(BadFile, match="appended"):
        read_image(an_image("PNG") + b"a second file")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_moving_images_are_refused(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    with pytest.raises(BadFile, match="Moving images"):
        read_image(out.getvalue())


def test_an_upload_over_fifteen_megabytes_is_refused():
    with pytest.raises(TooLarge, match="15 MB"):
        read_image(an_image() + bytes(15 * 1024 * 1024))


@pytest.mark.parametrize(
    ("data", "kind"), [(PDF, "application/pdf"), (an_image("PNG"), "image/png"), (an_image("JPEG"), "image/jpeg")]
)
def test_evidence_is_a_pdf_or_an_image(data, kind):
    assert ensure_evidence(data) == kind


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PDF[:-7], "cut off"),
        (b"junk" + PDF, "not a PDF"),
        (an_image("GIF"), "image/gif"),
        (an_image("PNG")[:-30], "cut off"),
        (a_bomb(60_000, 60_000), "too many pixels"),
        (b"", "empty"),
    ],
)
def test_other_evidence_is_refused_by_name(data, what):
    with pytest.raises(BadFile, match=what):
        ensure_evidence(data)


def test_evidence_over_twenty_megabytes_is_refused():
    with pytest.raises(TooLarge, match="20 MB"):
        ensure_evidence(PDF + bytes(20 * 1024 * 1024))
