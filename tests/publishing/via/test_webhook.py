from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from approval.people.services.secrets import seal_secret
from approval.publishing.models import Because
from approval.publishing.via import webhook
from approval.publishing.via.contract import Attachment, Message, Published, RefusedBefore, Unknown

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def a_message(**changes) -> Message:
    given = {
        "id": "msg_1",
        "publication": 1,
        "workspace": "northwind",
        "channel": "hook",
        "network": "mastodon",
        "post": 7,
        "digest": b"\1" * 32,
        "title": "Hours",
        "text": "We open at nine.\r\n“Ünïcode” 🏦\t",
        "disclosures": ("Member FDIC.",),
        "media": (Attachment(b"\2" * 32, "The branch", "image/png", b"\x89PNG"),),
        "in_reply_to": None,
        "due_at": NOW,
        "address": "https://receiver.example/hook",
        "secret": None,
    }
    return Message(**{**given, **changes})


# The vector of Standard Webhooks 1.0.0, computed by its reference library.
VECTOR = {
    "message": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "at": datetime.fromtimestamp(1614265330, UTC),
    "body": b'{"test": 2432232314}',
}
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_that_of_the_standard():
    assert webhook.sign(SECRET, **VECTOR) == SIGNATURE


def test_the_same_instant_in_another_zone_has_the_same_signature():
    """The reference library overwrites the zone instead, and signs another second."""
    there = VECTOR["at"].astimezone(timezone(timedelta(hours=2)))
    assert webhook.sign(SECRET, **{**VECTOR, "at": there}) == SIGNATURE
    assert webhook.sign(SECRET, **{**VECTOR, "at": there.replace(tzinfo=UTC)}) != SIGNATURE


@pytest.mark.parametrize(
    "changed",
    [{"message": "msg_other"}, {"at": VECTOR["at"] + timedelta(seconds=1)}, {"body": b'{"test": 2432232315}'}],
    ids=["id", "timestamp", "body"],
)
def test_the_signature_covers_id_timestamp_and_body(changed):
    assert webhook.sign(SECRET, **{**VECTOR, **changed}) != SIGNATURE


def test_the_body_is_what_was_approved_and_the_same_on_every_try():
    message = a_message()
    body = webhook.request_bytes(message)
    assert body == webhook.request_bytes(a_message())
    said = json.loads(body)
    assert (said["type"], said["timestamp"]) == ("post.published", "2026-11-21T09:00:00.000000Z")
    assert said["data"] == {
        "workspace": "northwind",
        "channel": "hook",
        "network": "mastodon",
        "post": 7,
        "digest": "01" * 32,
        "title": "Hours",
        "text": message.text,
        "disclosures": ["Member FDIC."],
        "in_reply_to": None,
        "media": [{"digest": "02" * 32, "alt": "The branch", "kind": "image/png", "data": "iVBORw=="}],
    }


def send(receiver, settings, **changes):
    secret = seal_secret(settings.secret_key, SECRET)
    message = a_message(address=receiver.url, secret=secret, **changes)
    return webhook.send(message, webhook.request_bytes(message), now=NOW, settings=settings)


def test_a_receiver_can_verify_what_it_gets(receiver, settings):
    assert send(receiver, settings) == Published(None)
    (request,) = receiver.received
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    assert request.headers["webhook-signature"] == webhook.sign(SECRET, request.headers["webhook-id"], at, request.body)
    assert at == NOW


def test_a_receiver_may_name_the_link_of_the_post(receiver, settings):
    receiver.body = b'{"url": "https://social.example/1"}'
    assert send(receiver, settings) == Published("https://social.example/1")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'{"url": 7}', b'{"url": "javascript:alert(1)"}', b'{"url": "https://a\\nb"}']
)
def test_what_is_no_link_is_not_kept(receiver, settings, body):
    receiver.body = body
    assert send(receiver, settings) == Published(None)


@pytest.mark.parametrize(
    "manner, ending",
    [("drop", Unknown), ("vanish", Unknown), ("500", Unknown), ("503", Unknown), ("204", Published)],
)
def test_how_a_send_ends(receiver, settings, manner, ending):
    receiver.behave = lambda number: manner
    assert isinstance(send(receiver, settings), ending)


def test_a_redirect_is_a_refusal_and_is_not_followed(receiver, settings):
    receiver.behave, receiver.headers = (lambda number: "307"), {"Location": receiver.url}
    ending = send(receiver, settings)
    assert isinstance(ending, RefusedBefore) and ending.because is Because.NOT_ACCEPTED
    assert len(receiver.received) == 1


def test_a_receiver_that_is_gone_is_reported(receiver, settings):
    receiver.behave = lambda number: "410"
    ending = send(receiver, settings)
    assert isinstance(ending, RefusedBefore)
    assert (ending.because, ending.retry_at) == (Because.GONE, None)


def test_where_nobody_listens_nothing_was_sent(receiver, settings):
    receiver.stop()
    try:
        ending = send(receiver, settings)
    finally:
        receiver.start()
    assert isinstance(ending, RefusedBefore)
    assert ending.because is Because.NOT_REACHED and ending.retry_at is not None and ending.retry_at > NOW


def test_a_secret_of_another_key_sends_nothing(receiver, settings):
    message = a_message(address=receiver.url, secret=seal_secret("x" * 40, SECRET))
    ending = webhook.send(message, b"{}", now=NOW, settings=settings)
    assert isinstance(ending, RefusedBefore)
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "value, wait",
    [
        ("120", timedelta(seconds=120)),
        ("Sat, 21 Nov 2026 09:02:00 GMT", timedelta(minutes=2)),
        ("99999999999999999999", timedelta(hours=24)),
        ("9" * 10_000, timedelta(hours=24)),
        ("Fri, 31 Dec 2038 23:59:59 GMT", timedelta(hours=24)),
        (None, None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("Sat, 21 Nov 2026 08:00:00 GMT", None),
        ("Sat, 21 Nov 2026 09:02:00 -0000", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value, wait):
    assert webhook.retry_after(value, NOW) == wait
