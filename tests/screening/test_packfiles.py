"""The ZIP of all packs: what is no pack is refused, and nothing is unpacked beyond the bounds."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from approval.errors import BadFile, TooLarge
from approval.rules import load_packs
from approval.screening.services import packfiles


def a_zip(members, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, source in members:
            archive.writestr(name, source)
    return out.getvalue()


def test_the_shipped_packs_are_written_and_read_again():
    packs = dict(load_packs().sources)
    data = packfiles.zipped(packs)
    assert packfiles.is_zip(data) and packfiles.unzipped(data) == packs
    assert data == packfiles.zipped(packs), "the same packs make the same file"
    assert not packfiles.is_zip(packs["words"])


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused():
    with pytest.raises(BadFile) as refusal:
        packfiles.unzipped(a_zip([("firm.toml", b"a"), ("firm.toml", b"b")]))
    assert "twice" in refusal.value.problems[0].what


def test_a_zip_is_unpacked_no_further_than_packs_may_be_large():
    with pytest.raises(TooLarge, match="more than 50 times its size"):
        packfiles.unzipped(a_zip([("firm.toml", b"#" * 1_000_000)]))
    large = a_zip([("firm.toml", b"#" * 2_500_000), ("firm-desk.toml", b"#" * 2_500_000)], zipfile.ZIP_STORED)
    with pytest.raises(TooLarge, match="more than 4 MB"):
        packfiles.unzipped(large)
    many = a_zip([(f"firm-{n}.toml", b"x") for n in range(packfiles.MOST_PACKS + 1)])
    with pytest.raises(TooLarge, match="101 files"):
        packfiles.unzipped(many)
    with pytest.raises(TooLarge, match="list of files"):
        packfiles.unzipped(a_zip([(f"firm-{n}.toml", b"x") for n in range(2_000)]))


def test_control_what_is_within_the_bounds_is_unpacked(monkeypatch):
    packs = {f"firm-{n}": bytes(range(256)) for n in range(packfiles.MOST_PACKS)}
    assert packfiles.unzipped(packfiles.zipped(packs)) == packs
    bomb = a_zip([("firm.toml", b"#" * 1_000_000)])
    monkeypatch.setattr(packfiles, "MOST_RATIO", 10_000)
    assert len(packfiles.unzipped(bomb)["firm"]) == 1_000_000


def test_a_member_that_claims_less_than_it_holds_is_refused():
    data = bytearray(a_zip([("firm.toml", b"#" * 4_000)]))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    with pytest.raises(BadFile):
        packfiles.unzipped(bytes(data))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_otherwise_is_refused(how):
    with pytest.raises(BadFile) as refusal:
        packfiles.unzipped(a_zip([("firm.toml", b"x" * 100)], how))
    assert "plain ZIP" in refusal.value.problems[0].what


def test_an_encrypted_member_is_refused():
    data = bytearray(a_zip([("firm.toml", b"x")]))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rfind(mark) + place] |= 1
    with pytest.raises(BadFile) as refusal:
        packfiles.unzipped(bytes(data))
    assert "encrypted" in refusal.value.problems[0].what


@pytest.mark.parametrize("cut", [4, 30, 60, -1])
def test_a_broken_zip_is_refused(cut):
    whole = a_zip([("firm.toml", b"[pack]\n" * 3)])
    with pytest.raises(BadFile):
        packfiles.unzipped(whole[:cut])
