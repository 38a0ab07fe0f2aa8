"""What every network has: limits, a fold, media, and a way to find links, hashtags and mentions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import regex

from approval.errors import Problem
from approval.networks import graphemes
from approval.networks.segments import Finder, Segment, divide, segments_between

# C0 controls but tab and line feed, DEL, lone surrogates: no network, feed or database keeps them as is.
_UNPRINTABLE = regex.compile(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\uD800-\uDFFF]")
_BLANK = regex.compile(r"[\s\p{Cf}\p{Cc}]*+")


@dataclass(frozen=True)
class Source:
    """Where a number comes from; *official* when the network publishes it.

    *read* is the month (`YYYY-MM`) in which it was last read there, None when it is known by hearsay.
    """

    name: str
    read: str | None
    official: bool


@dataclass(frozen=True)
class Limit:
    """At most *most* of *unit* in a text, as *measure* counts them."""

    most: int
    unit: str
    measure: Callable[[str], int]
    source: Source


@dataclass(frozen=True)
class Count:
    """How much of a limit a text uses; *further* holds the network's other limits, if it has any."""

    used: int
    limit: int
    unit: str
    further: tuple[Count, ...] = ()

    @property
    def over(self) -> bool:
        """Whether this limit or a further one is exceeded."""
        return self.used > self.limit or any(count.over for count in self.further)

    @property
    def remaining(self) -> int:
        """What is left of this limit; negative when it is exceeded."""
        return self.limit - self.used


@dataclass(frozen=True)
class Fold:
    """The network shows the first *characters* (code points) and hides the rest behind a link."""

    characters: int
    source: Source


@dataclass(frozen=True, kw_only=True)
class Media:
    """What the network takes beside the text: images per post, and code points per alternative text.

    *required*: it takes no post without an image; *may_stand_alone*: it takes images without a text.
    """

    images: int
    images_source: Source
    alt: int | None
    alt_source: Source
    required: bool = False
    may_stand_alone: bool = True


@dataclass(frozen=True)
class Preview:
    """A text as the feed shows it: what is *shown*, and what is *hidden* behind the fold."""

    shown: tuple[Segment, ...]
    hidden: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network: its numbers as data, its text rules as functions."""

    slug: str
    title: str
    limits: tuple[Limit, ...]
    fold_after: Fold | None
    media: Media
    finders: tuple[Finder, ...]
    refused: regex.Pattern[str] | None = field(default=None, repr=False)

    @property
    def limit(self) -> int:
        """The limit that the composer shows; `count` has the others too."""
        return self.limits[0].most

    @property
    def unit(self) -> str:
        """What `limit` counts, in words."""
        return self.limits[0].unit

    @property
    def media_limit(self) -> int:
        """Images per post."""
        return self.media.images

    @property
    def alt_limit(self) -> int | None:
        """Code points per alternative text, None where no limit is known."""
        return self.media.alt

    def count(self, text: str) -> Count:
        """Measure *text* against every limit of the network."""
        first, *others = (Count(limit.measure(text), limit.most, limit.unit) for limit in self.limits)
        return Count(first.used, first.limit, first.unit, tuple(others))

    def fold(self, text: str) -> int | None:
        """The code point from which the network hides the text, never inside a grapheme; None if nowhere."""
        if self.fold_after is None or len(text) <= self.fold_after.characters:
            return None
        return graphemes.boundary(text, self.fold_after.characters)

    def segments(self, text: str) -> tuple[Segment, ...]:
        """Divide *text* into plain parts, links, hashtags and mentions, in order and without gaps."""
        return divide(text, self.finders)

    def preview(self, text: str) -> Preview:
        """Divide *text* at the fold; a segment that the fold cuts appears on both sides."""
        parts = self.segments(text)
        at = self.fold(text)
        if at is None:
            return Preview(parts, ())
        return Preview(segments_between(parts, 0, at), segments_between(parts, at, len(text)))

    def problems(self, text: str, *, images: int, alts: Sequence[str | None]) -> tuple[Problem, ...]:
        """Name what the network would refuse.

        `where` of a problem is `text`, `media` or `alt.<n>`, n counting from 0 as *alts* does.
        """
        return (
            *self._text_problems(text, images),
            *self._media_problems(images),
            *self._alt_problems(images, alts),
        )

    def _text_problems(self, text: str, images: int) -> list[Problem]:
        problems = []
        if _BLANK.fullmatch(text) and not (images and self.media.may_stand_alone):
            problems.append(Problem("text", f"The text for {self.title} is empty. Write it, or leave the channel out."))
        for pattern in (_UNPRINTABLE, self.refused):
            found = pattern.search(text) if pattern else None
            if found:
                problems.append(Problem("text", self._refused_character(found)))
        counted = self.count(text)
        for count in (counted, *counted.further):
            if count.used > count.limit:
                problems.append(Problem("text", self._over(count)))
        return problems

    def _refused_character(self, found: regex.Match[str]) -> str:
        return (
            f"{self.title} refuses the character U+{ord(found[0]):04X} (character {found.start() + 1:,})."
            " It is invisible: delete the words around it and type them again."
        )

    def _over(self, count: Count) -> str:
        return (
            f"{self.title} takes at most {count.limit:,} {count.unit}; this text has {count.used:,},"
            f" {-count.remaining:,} too many."
        )

    def _media_problems(self, images: int) -> list[Problem]:
        if images > self.media.images:
            return [Problem("media", f"{self.title} takes at most {self.media.images} images; this post has {images}.")]
        if self.media.required and not images:
            return [
                Problem(
                    "media",
                    f"{self.title} takes no post without an image. Add one, or leave the channel out.",
                )
            ]
        return []

    def _alt_problems(self, images: int, alts: Sequence[str | None]) -> list[Problem]:
        problems = []
        for n in range(images):
            alt = (alts[n] if n < len(alts) else None) or ""
            unprintable = _UNPRINTABLE.search(alt)
            if unprintable:
                problems.append(Problem(f"alt.{n}", self._refused_character(unprintable)))
            elif _BLANK.fullmatch(alt):
                what = f"Image {n + 1} has no alternative text. Describe it for people who cannot see it."
                problems.append(Problem(f"alt.{n}", what))
            elif self.media.alt is not None and len(alt) > self.media.alt:
                what = (
                    f"{self.title} takes at most {self.media.alt:,} characters of alternative text; that of"
                    f" image {n + 1} has {len(alt):,}. Shorten it by {len(alt) - self.media.alt:,}."
                )
                problems.append(Problem(f"alt.{n}", what))
        return problems
