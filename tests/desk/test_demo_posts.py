"""What the demo's posts say is what the shipped rules make of them: a fault is flagged, a clean post is clean."""

from __future__ import annotations

from datetime import date

import pytest

from approval.desk.demo.firm import DECIDERS, MEMBERS, OUTLETS
from approval.desk.demo.story import dated, stories
from approval.networks import NETWORKS
from approval.people.models import Via
from approval.posts.models import Standing
from approval.rules import PRODUCTS, Severity, load_packs

NETWORK = {outlet.name: outlet.network for outlet in OUTLETS}
TODAY = date(2026, 11, 21)
WORDS = [pytest.param(story, story.texts, story.faults, id=story.title) for story in stories()] + [
    pytest.param(story, story.first.texts, story.first.faults, id=f"first words of {story.title}")
    for story in stories()
    if story.first
]


def findings(story, texts):
    return [
        found
        for channel, text in dated(texts, TODAY).items()
        for found in load_packs().check(
            text,
            channel=NETWORK[channel],
            regime="us-bank",
            product=story.product,
            audience=story.audience,
            entity_type="bank",
            on=TODAY,
        )
    ]


@pytest.mark.parametrize(("story", "texts", "faults"), WORDS)
def test_the_rules_find_its_faults_and_nothing_in_a_clean_post(story, texts, faults):
    found = findings(story, texts)
    assert set(faults) <= {finding.topic for finding in found}
    if not faults:
        assert [(finding.rule, finding.match) for finding in found if finding.severity is not Severity.LOW] == []


@pytest.mark.parametrize(("story", "texts", "faults"), WORDS)
def test_every_network_takes_it(story, texts, faults):
    alts = [story.image.alt] if story.image else []
    for channel, text in dated(texts, TODAY).items():
        assert NETWORKS[NETWORK[channel]].problems(text, images=len(alts), alts=alts) == ()


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.title)
def test_it_names_people_and_products_that_exist(story):
    logins = {member.login for member in MEMBERS}
    deciders = {login for asked in DECIDERS.values() for login in asked}
    assert story.by in logins and story.product in PRODUCTS
    assert {remark.by for remark in story.comments} <= logins
    assert set(story.opinions) <= deciders


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.title)
def test_it_says_what_its_end_needs(story):
    assert (story.ends is Standing.SCHEDULED) <= (story.due is not None)
    assert bool(story.withdrawn) is (story.ends is Standing.WITHDRAWN)
    by_hand = any(outlet.via is Via.MANUAL for outlet in OUTLETS if outlet.name in story.texts)
    assert bool(story.link) is (by_hand and story.ends is Standing.PUBLISHED)


def test_the_exception_is_about_words_that_block():
    (story,) = (story for story in stories() if story.exception)
    blocking = {found.topic for found in findings(story, story.texts) if found.severity is Severity.BLOCK}
    assert blocking == {story.exception.topic}
