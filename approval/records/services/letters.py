"""Letters and descriptions for regulators, written from the running installation; counsel confirms every one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from approval import clock
from approval.clock import local
from approval.records.queries.configuration import Configuration, Point, points

WIDTH = 96
COUNSEL = (
    "Written by a program from the facts of one installation. It is no legal advice and promises nothing: to be "
    "confirmed by counsel before anybody signs or sends it."
)


@dataclass(frozen=True)
class Part:
    """A part of a letter: paragraphs, facts by name, blanks to be filled in by hand, points with their answers."""

    heading: str
    text: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    blanks: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Letter:
    """A letter or a description, ready to be printed."""

    name: str
    title: str
    about: str
    parts: tuple[Part, ...]


KINDS = {
    "officer": (
        "Undertaking of a designated executive officer",
        "Signed by an officer of the firm who has access to the records and knows how they are got at.",
    ),
    "third-party": (
        "Undertaking of a designated third party",
        "Signed by somebody outside the firm who has access to the records and can produce them without it.",
    ),
    "system": (
        "Description of the system",
        "How records are made, kept, proved and produced, for the file that an examiner asks for.",
    ),
    "configuration": (
        "Configuration report",
        "Every point that an assessment of a record system asks, with this installation's value and a plain answer.",
    ),
}
"""The letters there are: name, then title and what it is."""


def letter(name: str, of: Configuration) -> Letter:
    """Write one of `KINDS`."""
    title, about = KINDS[name]
    write = {
        "officer": _undertaking,
        "third-party": _undertaking,
        "system": _system,
        "configuration": _report,
    }[name]
    return Letter(name, title, about, tuple(write(name, of)))


def _undertaking(name: str, of: Configuration) -> Iterator[Part]:
    firm, officer = of.firm.title, name == "officer"
    who = "an executive officer of the firm" if officer else "not part of the firm"
    yield Part(
        "Who undertakes, and to whom",
        (
            f"To the regulator named below, about the electronic records of {firm} (the firm) that are kept in the "
            f"workspace “{of.firm.name}” of the record system described at the end. The undersigned is {who}.",
        ),
        blanks=("Regulator and address", "Name of the undersigned", "Position", "Firm and registration number"),
    )
    independent = (
        "I have access of my own to the records, and the means to read them, that depend on nobody who could refuse it."
        if officer
        else "I have access of my own to the records, given by the firm in writing, that the firm cannot end unseen: "
        "its end stands in the log. I need neither the firm's staff nor the maker of the program to use it."
    )
    promises = (
        independent,
        "On a request that the regulator makes of the firm or of me, I will promptly hand over the records asked for, "
        "with their audit trail, readable by people and in an electronic format that is reasonable to use, with what "
        "is needed to find a record in them.",
        "If the firm cannot or does not produce its records, I will produce them, from the running system or from its "
        "last export, and will say how anybody verifies them without the firm, the program or me.",
        "I will tell the regulator and the firm without delay if my access ends, and keep this undertaking until "
        "another person has given theirs.",
    )
    yield Part("What is undertaken", promises)
    yield Part(
        "How the records are got at",
        (
            "An export of the days concerned is asked for on the page Records, or on the host with `approval export`. "
            "It holds the records, their images, evidence and audit trail, an index, and proofs against the log. "
            "verify.html or verify.py, both inside, verify it against the key below on any machine.",
        ),
        facts=(*_identity(of), ("Last test of access", _when(of, of.access.last) if of.access.last else "none yet")),
    )
    yield Part("Signature", blanks=("Place and date", "Signature", "For the firm: name, position, signature"))


def _system(_name: str, of: Configuration) -> Iterator[Part]:
    rules = of.rules.retention
    yield Part("What it is", (_WHAT,), facts=_identity(of))
    yield Part("How a record is made", _MADE)
    yield Part("How it is proved", _PROVED)
    yield Part(
        "How long it is kept",
        (
            "The longest rule that holds for any part of a record wins. Legal hold comes before retention, retention "
            "before a request to erase, that before the date of disposition. Nothing is deleted by itself.",
        ),
        facts=tuple((rule.id, f"{rule.of.label}: {rule.period}. {rule.citation}") for rule in rules.rules),
    )
    yield Part("How it is produced", _PRODUCED)
    yield Part("What it does not do", _NOT)


def _report(_name: str, of: Configuration) -> Iterator[Part]:
    found = points(of)
    no = sum(point.reply == "no" for point in found)
    told = f"{no} of {len(found)} points are answered no." if no else f"None of {len(found)} points is answered no."
    yield Part("The installation", (told,), facts=_identity(of))
    yield Part("Point by point", points=found)


def _identity(of: Configuration) -> tuple[tuple[str, str], ...]:
    sealed = f", sealed {_when(of, of.head.sealed_at)}" if of.head.sealed_at else ""
    return (
        ("Firm", f"{of.firm.title}, workspace “{of.firm.name}”"),
        ("Record system", f"Approval {of.program}, on {of.database}"),
        ("Written", _when(of, of.at)),
        ("Log", f"{of.head.origin}: {of.head.size:,} entries, {of.head.sealed:,} under a signed checkpoint{sealed}"),
        ("Verifier key", of.head.vkey),
        ("Retention rules", f"version {of.rules.number}, SHA-256 {of.rules.digest.hex()}"),
    )


def _when(of: Configuration, at: object) -> str:
    return f"{local(at, of.firm.zone)} ({clock.to_text(at)})"  # type: ignore[arg-type]


_WHAT = (
    "The firm drafts posts for its social-media channels in this system, has them screened and reviewed there, "
    "publishes from there what was approved, and keeps all of it there as its records."
)
_MADE = (
    "Every revision of a post is kept byte for byte and named by the SHA-256 of its contents: title, text per channel, "
    "images, alternative texts, links, disclosures, channels, regime, product, audience and window.",
    "Whatever changes a record commits together with an entry of the log that says who did it, when, and what the "
    "record is afterwards; a change without an entry is refused. Actions of the program are entries, too.",
    "A decision names the exact bytes it is about. Nobody decides on their own words. Publishing is refused where the "
    "approved bytes are not those to be sent.",
    "Records of another tool that were brought here are kept as they came, and shown as claimed by that tool: nothing "
    "that they say was witnessed by this system.",
)
_PROVED = (
    "The entries are the leaves of a hash tree (RFC 6962). Its head is signed again and again; the signer first proves "
    "that the new head extends the one that it signed last, which it keeps outside of the database.",
    "Names and free text stand in entries as salted commitments, contents by digest. What is erased under a recorded "
    "request keeps its commitment, so that the proofs of everything else still hold.",
    "The whole log is verified and every table is compared with it each night; the outcome is an entry, and a night "
    "without one raises an alarm.",
)
_PRODUCED = (
    "An export of any days holds each record with its audit trail as HTML for people and as JSON and CSV for "
    "programs, the definitions in force, who was who, and proofs; a signed note binds every bit of it.",
    "An export is verified without this system by two programs that share no code with it; both are inside.",
    "Each case file tells the story of a post, then the entries that the story is told from.",
)
_NOT = (
    "It does not prevent that whoever owns the machine destroys it: it makes a change show, and copies and witnesses "
    "outside, where the configuration report names them, survive it.",
    "It does not know what happened outside of it: a post taken down on the network is known when a person records "
    "it, and backups are the operator's.",
    "It does not make a firm compliant. Rules and periods are the firm's, and counsel confirms them.",
)


def as_text(letter: Letter) -> str:
    """Return a letter as plain text of lines of at most 96 characters, but for keys and digests."""
    lines = [letter.title.upper(), "", *_wrapped(letter.about), "", *_wrapped(COUNSEL)]
    for number, part in enumerate(letter.parts, 1):
        lines += ["", "", f"{number}. {part.heading}"]
        for paragraph in part.text:
            lines += ["", *_wrapped(paragraph)]
        lines += [""] if part.facts else []
        for name, value in part.facts:
            lines += _wrapped(f"{name}: {value}", "    ")
        for blank in part.blanks:
            lines += ["", f"{blank}:", "", "_" * 60]
        for point in part.points:
            lines += ["", *_wrapped(point.asks), *_wrapped(f"{point.reply.upper()}. {point.value}", "    ")]
            lines += _wrapped(f"Source: {point.source}", "    ")
    return "\n".join((*lines, ""))


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=2 * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
