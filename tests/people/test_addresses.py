from __future__ import annotations

import ipaddress

import pytest

from approval.errors import Invalid
from approval.people.services.addresses import ensure_webhook
from approval.settings import Outbound

LOOPBACK = (Outbound(ipaddress.ip_network("127.0.0.0/8"), 8443),)


@pytest.mark.parametrize("url", ["https://hooks.example/approval", "https://hooks.example:443/", "https://9.9.9.9/x"])
def test_a_global_https_address_is_taken(url):
    ensure_webhook(url, ())


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://hooks.example:8443/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.5/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
        "https://user:word@hooks.example/",
        "ftp://hooks.example/",
        "hooks.example",
        "https://",
        "https://hooks.example:99999/",
        "https://[bad/",
        "https://hooks.example/\n",
        "https://" + "x" * 600,
    ],
)
def test_any_other_is_refused_beside_its_field(url):
    with pytest.raises(Invalid) as refused:
        ensure_webhook(url, ())
    assert refused.value.problems[0].where == "url"


def test_an_operator_may_add_a_network_and_port():
    for url in ("http://127.0.0.1:8443/", "https://localhost:8443/"):
        ensure_webhook(url, LOOPBACK)
        with pytest.raises(Invalid, match="APPROVAL_OUTBOUND_ALLOW"):
            ensure_webhook(url, ())
    with pytest.raises(Invalid):
        ensure_webhook("http://127.0.0.1:9000/", LOOPBACK)
    with pytest.raises(Invalid):
        ensure_webhook("http://10.0.0.1:8443/", LOOPBACK)
