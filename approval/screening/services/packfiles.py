"""All packs of a version as one ZIP, written and read again: nothing is unpacked beyond what packs may hold."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping

from approval.errors import BadFile, Problem, TooLarge
from approval.screening.services.changing import MOST_PACK_BYTES
from approval.screening.services.packing import is_own

MOST_PACKS = 100
MOST_RATIO = 50
"""Bytes that come out of one byte: packs give about three, and nothing that people write gives fifty."""
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The first day that a ZIP knows: the same packs always make the same file."""
_MEMBER = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.toml")
_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_END = b"PK\x05\x06"
_MOST_DIRECTORY = 64 * 1024
"""Bytes of the list of members, which is read before anything can be counted."""
_ENCRYPTED = 1
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others unpack a few bytes to many megabytes at once."""


def zipped(packs: Mapping[str, bytes]) -> bytes:
    """Return these packs as a ZIP, one member each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for pack, source in sorted(packs.items()):
            archive.writestr(zipfile.ZipInfo(f"{pack}.toml", _BEGINNING), source, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def is_zip(data: bytes) -> bool:
    """Say whether a file is a ZIP, by how it begins."""
    return data.startswith(_MARKS)


def unzipped(data: bytes) -> dict[str, bytes]:
    """Return the packs that a ZIP holds; BadFile names a member that is no pack, TooLarge says what is too much."""
    _ensure_short(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_PACKS:
                raise TooLarge(f"The ZIP holds {len(members):,} files; at most {MOST_PACKS}.")
            _ensure_packs(members)
            return _read(archive, members)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise BadFile(f"This is not a ZIP that can be read ({str(error)[:80]}).") from error


def taken_in(force: Mapping[str, bytes], sent: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the packs in force with the firm's own of those sent.

    Shipped packs are changed by releases alone: one that is the same is skipped, and one that differs is refused.
    """
    differ = [pack for pack, source in sorted(sent.items()) if not is_own(pack) and force.get(pack) != source]
    if differ:
        raise BadFile(
            "Shipped packs change with releases only.", problems=tuple(_kept_out(force, one) for one in differ)
        )
    own = {pack: source for pack, source in sent.items() if is_own(pack)}
    if not own:
        raise BadFile("The ZIP holds no pack of your own: nothing would change.")
    return {**force, **own}


def _kept_out(force: Mapping[str, bytes], pack: str) -> Problem:
    how = "It differs from the one in force" if pack in force else "It is no pack of your own, and not in force here"
    return Problem(pack, f"{how}: take {pack}.toml out of the ZIP, or publish the version that had it again.")


def _ensure_short(data: bytes) -> None:
    """Refuse a ZIP whose list of members alone would fill the memory."""
    at = data.rfind(_END)
    if at < 0:
        raise BadFile("This is not a ZIP that can be read: its end is missing.")
    if int.from_bytes(data[at + 12 : at + 16], "little") > _MOST_DIRECTORY:
        raise TooLarge(f"The list of files in the ZIP is too long; at most {MOST_PACKS} files.")


def _ensure_packs(members: list[zipfile.ZipInfo]) -> None:
    problems = []
    names = [member.filename for member in members]
    for member in members:
        name = member.filename[:80]
        if not _MEMBER.fullmatch(member.filename):
            problems.append(Problem(name, "It is no pack: the ZIP holds files such as firm.toml, and no folders."))
        elif names.count(member.filename) > 1:
            problems.append(Problem(name, "It stands in the ZIP twice."))
        elif member.flag_bits & _ENCRYPTED:
            problems.append(Problem(name, "It is encrypted."))
        elif member.compress_type not in _PACKED:
            problems.append(Problem(name, "It is packed in a way that is not read here: use plain ZIP."))
    if problems:
        raise BadFile("The ZIP holds something that is no pack.", problems=tuple(problems))


def _read(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    """Unpack the members, none further than what is left of the bound, whatever they claim to hold."""
    found, left = {}, MOST_PACK_BYTES
    for member in members:
        most = min(left, MOST_RATIO * max(member.compress_size, 1))
        with archive.open(member) as stream:
            source = stream.read(most + 1)
        if len(source) > left:
            raise TooLarge(f"Unpacked, the packs have more than {MOST_PACK_BYTES // 1024 // 1024} MB.")
        if len(source) > most:
            raise TooLarge(f"{member.filename[:80]} unpacks to more than {MOST_RATIO} times its size.")
        found[member.filename.removesuffix(".toml")] = source
        left -= len(source)
    return found
