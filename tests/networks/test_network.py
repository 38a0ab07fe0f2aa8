"""Each network's numbers are data with a source, and what it would refuse is named with its place."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, strategies as st

from approval.networks import NETWORKS, network

LIMITS = {
    "x": (280, "weighted characters", 4, 1_000, None),
    "linkedin": (3_000, "characters", 20, 4_086, 210),
    "facebook": (63_206, "characters", 10, None, 477),
    "instagram": (2_200, "characters", 10, 1_000, 125),
    "bluesky": (300, "graphemes", 4, 2_000, None),
    "mastodon": (500, "characters", 4, 1_500, None),
    "blog": (100_000, "characters", 100, None, None),
}


def test_there_are_these_networks() -> None:
    assert list(NETWORKS) == list(LIMITS)
    assert all(network(slug) is NETWORKS[slug] and NETWORKS[slug].slug == slug for slug in LIMITS)


def test_an_unknown_network_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no network “myspace”; there are x, linkedin"):
        network("myspace")


@pytest.mark.parametrize("slug", LIMITS)
def test_the_numbers_are(slug: str) -> None:
    known = NETWORKS[slug]
    fold = known.fold("x " * 50_000)
    assert (known.limit, known.unit, known.media_limit, known.alt_limit, fold) == LIMITS[slug]


@pytest.mark.parametrize("slug", LIMITS)
def test_every_number_names_its_source(slug: str) -> None:
    known = NETWORKS[slug]
    sources = [limit.source for limit in known.limits] + [known.media.images_source, known.media.alt_source]
    sources += [known.fold_after.source] if known.fold_after else []
    assert all(source.name and (source.read is None or len(source.read) == len("2026-11")) for source in sources)


@pytest.mark.parametrize("slug", LIMITS)
def test_a_text_at_the_limit_is_taken_and_one_more_is_refused(slug: str) -> None:
    known = NETWORKS[slug]
    images = 1 if known.media.required else 0
    text = "x" * known.limit
    assert known.problems(text, images=images, alts=["A chart"]) == ()
    (problem,) = known.problems(text + "x", images=images, alts=["A chart"])
    assert problem.where == "text"
    assert problem.what.endswith(f"this text has {known.limit + 1:,}, 1 too many.")


@pytest.mark.parametrize("slug", LIMITS)
@pytest.mark.parametrize("blank", ["", " \n", "\u200b\u2060"])
def test_an_empty_text_is_refused(slug: str, blank: str) -> None:
    assert "text" in [problem.where for problem in NETWORKS[slug].problems(blank, images=0, alts=[])]


def test_an_image_may_stand_alone_except_on_a_blog() -> None:
    silent = [slug for slug in NETWORKS if NETWORKS[slug].problems("", images=1, alts=["A chart"])]
    assert silent == ["blog"]


@pytest.mark.parametrize("slug", LIMITS)
@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\ud83d"])
def test_a_character_that_nothing_keeps_is_refused_in_text_and_alt(slug: str, character: str) -> None:
    problems = NETWORKS[slug].problems(f"a{character}b", images=1, alts=[f"a{character}b"])
    assert [problem.where for problem in problems] == ["text", "alt.0"]
    assert all(f"U+{ord(character):04X} (character 2)" in problem.what for problem in problems)


def test_a_feed_refuses_what_xml_cannot_hold() -> None:
    assert [p.where for p in NETWORKS["blog"].problems("a\uffff", images=0, alts=[])] == ["text"]


@pytest.mark.parametrize("slug", LIMITS)
def test_too_many_images_are_refused(slug: str) -> None:
    known = NETWORKS[slug]
    most = known.media_limit
    assert known.problems("Hello", images=most, alts=["A chart"] * most) == ()
    (problem,) = known.problems("Hello", images=most + 1, alts=["A chart"] * (most + 1))
    assert (problem.where, f"at most {most} images" in problem.what) == ("media", True)


def test_instagram_takes_no_post_without_an_image() -> None:
    (problem,) = NETWORKS["instagram"].problems("Hello", images=0, alts=[])
    assert problem.where == "media"


@pytest.mark.parametrize("tags", [5, 6])
def test_instagram_takes_five_hashtags(tags: int) -> None:
    text = " ".join(f"#tag{n}a" for n in range(tags))
    assert NETWORKS["instagram"].count(text).over is (tags > 5)


@pytest.mark.parametrize("slug", LIMITS)
@pytest.mark.parametrize("alts", [[], ["A chart"], ["A chart", None], ["A chart", " "]])
def test_a_missing_alternative_text_is_named_with_its_image(slug: str, alts: list[str | None]) -> None:
    wanted = [f"alt.{n}" for n in range(2) if n >= len(alts) or not (alts[n] or "").strip()]
    assert [p.where for p in NETWORKS[slug].problems("Hello", images=2, alts=alts)] == wanted


@pytest.mark.parametrize("slug", [slug for slug, numbers in LIMITS.items() if numbers[3]])
def test_an_alternative_text_may_be_too_long(slug: str) -> None:
    most = NETWORKS[slug].alt_limit
    assert most is not None
    assert NETWORKS[slug].problems("Hello", images=1, alts=["x" * most]) == ()
    (problem,) = NETWORKS[slug].problems("Hello", images=1, alts=["x" * (most + 1)])
    assert problem.where == "alt.0"


@pytest.mark.parametrize("slug", LIMITS)
@given(text=st.text(st.characters(), max_size=300))
def test_any_text_gets_an_answer(slug: str, text: str) -> None:
    known = NETWORKS[slug]
    assert known.count(text).used >= 0
    known.problems(text, images=0, alts=[])


@pytest.mark.parametrize("slug", LIMITS)
@pytest.mark.parametrize("unit", ["a.", "あ.", "@a@a.", "#a", "🇩", "\u0301\u0316", "http://a.b/)", "\u200b", "\ud800"])
def test_a_megabyte_is_answered_in_bounded_time(slug: str, unit: str) -> None:
    text = (unit * 1_000_000)[:1_000_000]
    begun = time.process_time()
    NETWORKS[slug].preview(text)
    assert NETWORKS[slug].count(text).over
    assert NETWORKS[slug].problems(text, images=0, alts=[])
    assert time.process_time() - begun < 5


def test_networks_load_neither_framework_nor_database() -> None:
    script = (
        "import sys, approval.networks;"
        "print({'flask', 'sqlalchemy', 'click', 'httpx', 'approval.clock', 'approval.db'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
