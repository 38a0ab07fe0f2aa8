"""No request of this program reaches an address inside, however it is spelled."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import replace

import pytest

from approval.publishing.via import outbound
from approval.publishing.via.outbound import AddressRefused, NoAnswer, NotReached, is_allowed, is_global
from approval.settings import Outbound

INSIDE = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.255.255.254",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001::1]",
    "[2001:0:5ef5:79fb::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[4000::1]",
    "127.0.0.1.",
    "127。0。0。1",
    "⑫7.0.0.1",
    "1.2.3.4@127.0.0.1",
    "127.0.0.1%00",
]


@pytest.fixture
def connections(monkeypatch):
    """Every connection that is tried; none is made."""
    tried = []

    def connect(address, *_, **__):
        tried.append(address)
        raise ConnectionRefusedError("this is a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


def test_there_are_sixty_spellings():
    assert len(INSIDE) >= 60


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_never_connected_to(host, settings, connections):
    closed = replace(settings, outbound_allow=())
    with pytest.raises((AddressRefused, NotReached)):
        outbound.post(f"https://{host}/hook", b"{}", {}, settings=closed)
    assert connections == []


def test_without_the_guard_the_same_address_would_be_connected_to(settings, connections, monkeypatch):
    monkeypatch.setattr(outbound, "is_allowed", lambda *_, **__: True)
    with pytest.raises(NotReached):
        outbound.post("https://127.0.0.1/hook", b"{}", {}, settings=replace(settings, outbound_allow=()))
    assert connections == [("127.0.0.1", 443)]


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"])
def test_a_global_address_is_allowed_by_https(address):
    assert is_global(ipaddress.ip_address(address))
    assert is_allowed(address, 443, allowed=(), secure=True)
    assert not is_allowed(address, 443, allowed=(), secure=False)
    assert not is_allowed(address, 8443, allowed=(), secure=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "https://93.184.216.34:8443/",
        "ftp://93.184.216.34/",
        "file:///etc/passwd",
        "https://user:secret@93.184.216.34/",
        "//93.184.216.34/",
        "https:///path",
        "https://93.184.216.34\\@127.0.0.1/",
        "https://93.184.216.34/\r\nX-Header: 1",
        "https://[::1",
        "https://93.184.216.34:99999/",
        "javascript:alert(1)",
        "",
    ],
)
def test_only_plain_https_addresses_are_reached(url, settings, connections):
    with pytest.raises(AddressRefused):
        outbound.post(url, b"{}", {}, settings=replace(settings, outbound_allow=()))
    assert connections == []


def answers(monkeypatch, *rounds):
    """Make the resolver answer these addresses, another list each time it is asked."""
    left = list(rounds)
    asked = []

    def getaddrinfo(host, port, *_, **__):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in left.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_is_resolved_once_and_the_judged_address_is_connected_to(settings, connections, monkeypatch):
    asked = answers(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    with pytest.raises(NotReached):
        outbound.post("https://rebinding.example/", b"", {}, settings=replace(settings, outbound_allow=()))
    assert asked == ["rebinding.example"]
    assert connections == [("93.184.216.34", 443)]


def test_of_a_mixed_answer_only_the_global_address_is_used(settings, connections, monkeypatch):
    answers(monkeypatch, ["127.0.0.1", "10.0.0.1", "93.184.216.34"])
    with pytest.raises(NotReached):
        outbound.post("https://mixed.example/", b"", {}, settings=replace(settings, outbound_allow=()))
    assert connections == [("93.184.216.34", 443)]


def test_an_operator_may_allow_a_network_and_port(receiver, settings):
    assert outbound.post(receiver.url, b"{}", {}, settings=settings).status == 200


@pytest.mark.parametrize("network, port", [("127.0.0.0/8", 1), ("10.0.0.0/8", None)])
def test_what_the_operator_allowed_is_not_more_than_that(receiver, settings, network, port):
    other = Outbound(ipaddress.ip_network(network), port or receiver.port)
    with pytest.raises(AddressRefused):
        outbound.post(receiver.url, b"{}", {}, settings=replace(settings, outbound_allow=(other,)))
    assert receiver.connections == 0


def test_plain_http_to_a_global_address_is_not_opened_by_allowing_a_port_elsewhere(settings, connections):
    allowed = Outbound(ipaddress.ip_network("127.0.0.0/8"), 443)
    with pytest.raises(AddressRefused):
        outbound.post("http://93.184.216.34:443/", b"", {}, settings=replace(settings, outbound_allow=(allowed,)))
    assert connections == []


def test_the_environment_s_proxy_is_not_used(receiver, settings, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert outbound.post(receiver.url, b"{}", {}, settings=settings).status == 200


def test_a_slow_drip_ends_with_the_deadline(receiver, settings):
    receiver.behave = lambda number: "drip"
    begun = time.monotonic()
    with pytest.raises(NoAnswer):
        outbound.post(receiver.url, b"{}", {}, settings=replace(settings, lease=1.0))
    assert time.monotonic() - begun < 1.5


def test_an_answer_is_read_up_to_one_mebibyte(receiver, settings):
    receiver.body = b"x" * (3 * 1024 * 1024)
    assert len(outbound.post(receiver.url, b"{}", {}, settings=settings).body) == outbound.MOST_BYTES


def test_the_host_header_names_the_receiver(receiver, settings):
    outbound.post(receiver.url, b"{}", {}, settings=settings)
    assert receiver.received[0].headers["host"] == f"127.0.0.1:{receiver.port}"
    assert "authorization" not in receiver.received[0].headers


def test_a_resolver_that_hangs_is_not_waited_for(settings, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2) or [])
    begun = time.monotonic()
    with pytest.raises(NotReached):
        outbound.post("https://slow.example/", b"", {}, settings=replace(settings, lease=0.5))
    assert time.monotonic() - begun < 1.0
