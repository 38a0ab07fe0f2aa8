"""Archives of messages: EML, one a file, and mbox. Nothing that a header says of charset or shape is believed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from html.parser import HTMLParser
from typing import BinaryIO

from approval.records.archives.claims import MOST_RECORD, MOST_SAID, MOST_TEXT, Bad, Claims, Understood, plain

MOST_PARTS = 500
MOST_LINES = 500_000
MOST_NESTED = 30
"""Parts that hold parts: each line is compared with the boundaries of all that it stands in."""
MOST_HEADER = 2_000
_BLOCK = 256 * 1024
_CHARSETS = frozenset(
    codecs.lookup(name).name
    for name in (
        *("utf-8", "us-ascii", "utf-16", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "iso2022_jp", "shift_jis"),
        *("euc_jp", "euc_kr", "big5", "gb2312", "gbk", "gb18030", *(f"cp{number}" for number in range(1250, 1259))),
        *(f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))),
    )
)
"""Charsets that a message may name; codecs that are none (punycode, unicode_escape) decode nothing here."""
_NESTING = re.compile(rb"(?i)multipart/")
_HEADERS = ("X-Approved-By", "X-Approver")
_NETWORKS = ("X-Network", "X-Channel", "X-Platform")


def too_large(size: int | None = None) -> str:
    """Return why a record of *size* bytes is none."""
    told = "it" if size is None else f"it has {size:,} bytes, and"
    return f"{told} is larger than {MOST_RECORD // 1024 // 1024} MB, the most that one record may have"


def read_message(number: int, data: bytes) -> Understood | Bad:
    """Return the record of one message."""
    if len(data) > MOST_RECORD:
        return Bad(number, too_large())
    if data.count(b"\n") > MOST_LINES or len(_NESTING.findall(data)) > MOST_NESTED:
        return Bad(number, f"it has more than {MOST_LINES:,} lines, or more than {MOST_NESTED} parts that hold parts")
    try:
        message = BytesParser(policy=compat32).parsebytes(data)
        claims = _claims(message)
    except RecursionError:
        return Bad(number, "its parts are nested too deeply")
    except (MessageError, ValueError, LookupError, TypeError, AttributeError) as error:
        return Bad(number, f"it cannot be read as a message ({str(error)[:80]})")
    if not message.keys() or not (claims.text or claims.title or claims.attachments):
        return Bad(number, "it is no message: it has no headers, or neither subject nor text")
    return Understood(number, data, claims)


def _claims(message: Message) -> Claims:
    text, attachments = _body(message)
    return Claims(
        text=text,
        title=_header(message, "Subject"),
        author=_header(message, "From"),
        approver=next(filter(None, (_header(message, name) for name in _HEADERS)), ""),
        channel=next(filter(None, (_header(message, name) for name in _NETWORKS)), ""),
        when=_header(message, "Date").partition(" (")[0],
        attachments=attachments,
    )


def _header(message: Message, name: str) -> str:
    value = str(message.get(name, ""))[:MOST_HEADER]
    try:
        said = "".join(_decoded(part, charset) for part, charset in decode_header(value))
    except (HeaderParseError, ValueError, LookupError):
        said = value
    return plain(" ".join(said.split()), MOST_SAID)


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    try:
        known = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        known = "utf-8"
    return part.decode(known if known in _CHARSETS else "utf-8", "replace")


def _body(message: Message) -> tuple[str, tuple[str, ...]]:
    """Return the words of a message (its plain text, else its HTML without the marks) and its attachments' names."""
    said, marked, attached = "", "", []
    for count, part in enumerate(message.walk()):
        if count == MOST_PARTS:
            break
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            attached.append(plain(str(name or "unnamed"), 120))
        elif part.get_content_type() == "text/plain" and not said:
            said = _words(part)
        elif part.get_content_type() == "text/html" and not marked:
            marked = _unmarked(_words(part))
    return plain(said or marked, MOST_TEXT), tuple(attached[:50])


def _words(part: Message) -> str:
    data = part.get_payload(decode=True)
    # What stands behind is in the original; ten bytes hold any character and its marks.
    return _decoded(data[: 10 * MOST_TEXT], part.get_content_charset()) if isinstance(data, bytes) else ""


class _Unmarking(HTMLParser):
    """Keeps the text between tags, but not that of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")
        self.text += ["\n"] if tag in ("p", "br", "div", "tr", "li") else []

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in ("script", "style")))

    def handle_data(self, data: str) -> None:
        self.text += [] if self._hidden else [data]


def _unmarked(html: str) -> str:
    parser = _Unmarking()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.text).splitlines())
    return "\n".join(filter(None, lines))


def read_mbox(file: BinaryIO) -> Iterator[Understood | Bad]:
    """Yield each message of an mbox file: what stands between lines that begin with “From ”. Memory holds one."""
    number, parts, size, fresh = 0, list[bytes](), 0, True
    while line := file.readline(_BLOCK):
        if fresh and line.startswith(b"From "):
            if number:
                yield _of_mbox(number, parts, size)
            number, parts, size = number + 1, [], 0
        elif number:
            size += len(line)
            if size <= MOST_RECORD:
                parts.append(line)
        elif line.strip():
            yield Bad(0, "an mbox file begins with a line “From …”; what stands before the first one is no message")
            return
        fresh = line.endswith(b"\n")
    if number:
        yield _of_mbox(number, parts, size)


def _of_mbox(number: int, parts: list[bytes], size: int) -> Understood | Bad:
    return Bad(number, too_large(size)) if size > MOST_RECORD else read_message(number, b"".join(parts))
