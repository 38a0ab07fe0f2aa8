"""Every refusal this program can give.

Refusal                      the answer is no, and says why and what to do
├── NotSignedIn              nobody asks
├── Forbidden                this person may not
│   ├── CapabilityMissing    … do this in this workspace
│   ├── OwnWords             … decide on what they wrote, edited or asked an exception for
│   ├── NotAsked             … decide at a stage that asks others
│   ├── ScopeMissing         … do this with a token
│   └── FactorMissing        … do anything before a second factor is set up
├── NotFound                 there is no such thing, or none that this person may see
├── Invalid                  the input is wrong; `problems` say where
│   ├── NotReady             a post that cannot be submitted yet
│   ├── BadTime              an instant that cannot be meant
│   ├── BadDefinition        a workflow or a rule set that cannot work
│   ├── BadFile              a file that cannot be taken
│   └── KeyReused            the same key came with another body
├── Conflict                 the state does not allow it, or changed in the meantime
│   ├── StaleRevision        these bytes are no longer the post
│   ├── StaleStage           this stage is not open in this submission
│   ├── AlreadyDecided       this person has decided here
│   ├── NeededLater          only this person can decide at a later stage
│   ├── NotApproved          these bytes do not hold the approvals they need
│   ├── IllegalStep          not from this standing
│   └── Stopped              publishing is stopped
├── PreconditionFailed       If-Match names another revision
├── TooLarge                 more than this program takes
├── TooMany                  slow down; `retry_after` says how long
└── NotRecorded              it could not be written; nothing was changed
BadSetting                   the environment is wrong (an operator's matter)
NotMigrated                  the database is not at this program's schema
ProofFailed                  what is stored does not prove what it must
└── SealingRefused           … and so nothing was signed over it
NotAnchored                  no authority outside dated a checkpoint this time; work goes on
NotSigned                    the device that signs gave no signature this time; checkpoints and exports wait
OutpostFailed                a witness or the write-once copy did not answer as it must; work goes on
└── Contradicted             … or holds another log than this database
AuditFault                   a change without an entry: a fault of ours, never let through
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: *where* (a field or part, "" for the whole), *what*, and the remedy in words."""

    where: str
    what: str


class Refusal(Exception):
    """The answer is no. The message is for the person who asked."""

    title = "This cannot be done"

    def __init__(self, detail: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = problems


class NotSignedIn(Refusal):
    """Nobody asks."""

    title = "Sign in first"


class Forbidden(Refusal):
    """This person may not."""

    title = "You may not do this"


class CapabilityMissing(Forbidden):
    """This person's roles do not allow it in this workspace."""


class OwnWords(Forbidden):
    """Nobody decides on what they wrote, edited or asked an exception for."""

    title = "Nobody approves their own words"


class NotAsked(Forbidden):
    """The stage asks other people."""


class ScopeMissing(Forbidden):
    """The token's scope does not reach so far."""


class FactorMissing(Forbidden):
    """A second factor is asked of this person, who has yet to set it up."""

    title = "Set up your second factor first"


class NotFound(Refusal):
    """There is no such thing, or none that this person may see."""

    title = "Not found"


class Invalid(Refusal):
    """The input is wrong."""

    title = "Please check what you entered"


class NotReady(Invalid):
    """The post cannot be submitted yet."""

    title = "Not ready to submit"


class BadTime(Invalid):
    """The instant cannot be meant."""


class BadDefinition(Invalid):
    """The workflow or rule set cannot work as written."""


class BadFile(Invalid):
    """The file cannot be taken."""


class Conflict(Refusal):
    """The state does not allow it, or changed in the meantime."""

    title = "This has changed"


class StaleRevision(Conflict):
    """These bytes are no longer the post."""


class StaleStage(Conflict):
    """The stage is not open in the current submission."""


class AlreadyDecided(Conflict):
    """This person has decided at this stage."""


class NeededLater(Conflict):
    """Nobody else could decide at a later stage, and each stage needs another person."""


class NotApproved(Conflict):
    """These bytes do not hold every approval they need, by people who may give it."""

    title = "Not approved"


class KeyReused(Invalid):
    """The same decision key came with another body."""


class IllegalStep(Conflict):
    """The act does not exist from this standing."""


class Stopped(Conflict):
    """Publishing is stopped."""

    title = "Publishing is stopped"


class PreconditionFailed(Refusal):
    """If-Match names another revision."""

    title = "This has changed"


class TooLarge(Refusal):
    """More than this program takes."""

    title = "Too large"


class TooMany(Refusal):
    """Too many attempts; try again after *retry_after* seconds."""

    title = "Too many attempts"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotRecorded(Refusal):
    """It could not be written, so it did not happen."""

    title = "Not recorded"


class BadSetting(Exception):
    """A variable of the environment is wrong."""

    def __init__(self, name: str, value: str, remedy: str) -> None:
        super().__init__(f"{name}={value!r}: {remedy}")
        self.name = name
        self.remedy = remedy


class NotMigrated(Exception):
    """The database is not at the schema of this program."""


class ProofFailed(Exception):
    """What is stored does not prove what it must."""


class SealingRefused(ProofFailed):
    """Nothing was signed: the log does not extend what was signed before, or key and heads are not its own."""

    def __init__(self, because: str, message: str) -> None:
        super().__init__(message)
        self.because = because


class NotAnchored(Exception):
    """No token was stored: the authority did not answer, or answered something else than was asked."""


class OutpostFailed(Exception):
    """A witness or the write-once copy did not answer, or not as it must: nothing new is held there."""


class Contradicted(OutpostFailed):
    """A place outside holds another log than this database: one of the two was rolled back or rewritten."""

    def __init__(self, because: str, message: str) -> None:
        super().__init__(message)
        self.because = because


class NotSigned(Exception):
    """The device outside that holds a key gave no signature, or one that does not hold: nothing is signed for now."""


class AuditFault(RuntimeError):
    """A change without an entry, or an entry without a change."""
