"""What `approval check` and `approval rules` are given to read: texts, folders, and batches of a post per line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import click

READ = (".txt", ".md", ".jsonl")
"""What is read of a folder."""
MOST_LINE = 16 * 1024 * 1024
"""Bytes of one line of a batch: the longest text that the rules read fits, every character of it escaped."""


def refuse(message: str, *, code: int = 2) -> NoReturn:
    """Ends the command with a message on stderr."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


@dataclass(frozen=True)
class Source:
    """A file to read, - for standard input; `named` holds it under `file` where it is one of several."""

    file: str
    is_batch: bool
    named: Mapping[str, str]


def sources(files: Sequence[str], *, batch: bool) -> list[Source]:
    folders = [file for file in files if file != "-" and os.path.isdir(file)]
    is_alone = len(files) == 1 and not folders
    return [
        Source(
            path,
            is_batch=path.lower().endswith(".jsonl") or (batch and path == file),
            named={} if is_alone else {"file": click.format_filename(path)},
        )
        for file in files
        for path in (_below(file) if file in folders else [file])
    ]


def _below(folder: str) -> list[str]:
    try:
        walked = [Path(at, name) for at, _, names in os.walk(folder, onerror=_raised) for name in names]
    except OSError as error:
        refuse(f"{error.filename}: cannot be read: {error.strerror}.")
    found = [str(path) for path in sorted(walked) if path.suffix.lower() in READ]
    if not found:
        refuse(f"{folder}: holds no {', '.join(READ[:-1])} or {READ[-1]} file; name one that does.")
    return found


def _raised(error: OSError) -> None:
    raise error


def posts(file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The posts of a batch as they are read, each with the place that names it in a message."""
    for number, line in _lines(file):
        where = f"{named(file)}, line {number}: "
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if not text.strip():
                continue
            post = json.loads(text)
            if "\\u" in text:
                json.dumps(post, ensure_ascii=False).encode()
        except UnicodeDecodeError as error:
            refuse(f"{where}is not UTF-8 at byte {error.start}; save it as UTF-8.")
        except UnicodeEncodeError as error:
            refuse(f"{where}\\u{ord(error.object[error.start]):04x} is half of a character; write both halves.")
        except (ValueError, RecursionError) as error:
            refuse(f"{where}is not JSON: {error}")
        if (
            not isinstance(post, dict)
            or not isinstance(post.get("text"), str)
            or not isinstance(post.get("id"), (str, int))
        ):
            refuse(f"{where}must be an object with `id` and `text`.")
        yield where, post


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as stream:
            for number in count(1):
                line = stream.readline(MOST_LINE + 1)
                if len(line) > MOST_LINE:
                    refuse(f"{named(file)}, line {number}: has more than {MOST_LINE:,} bytes; write one post per line.")
                if not line:
                    return
                yield number, line
    except OSError as error:
        refuse(f"{named(file)}: cannot be read: {error.strerror}.")


def text_of(file: str) -> str:
    return newlines(_decoded(file))


def newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(file: str) -> str:
    try:
        return bytes_of(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(f"{named(file)}: is not UTF-8 at byte {error.start}; save it as UTF-8.")


def bytes_of(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        refuse(f"{named(file)}: cannot be read: {error.strerror}.")


def named(file: str) -> str:
    return "standard input" if file == "-" else click.format_filename(file)
