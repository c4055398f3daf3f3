"""Where a server may send a download on to, and where it may not."""

import io
import urllib.request

import pytest

from cellprune.data.sets import redirects
from cellprune.data.sets.redirects import RedirectError, Redirects

ADDRESSES = {"files.example": "93.184.216.34", "both.example": "93.184.216.34 10.0.0.7", "inner.example": "192.168.1.5",
             "local.example": "127.0.0.1", "six.example": "::1", "mapped.example": "::ffff:10.0.0.1",
             "scoped.example": "fe80::1%eth0"}  # fmt: skip


@pytest.fixture(autouse=True)
def _known_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, *_: object, **__: object) -> list[tuple]:
        if host not in ADDRESSES:
            raise OSError("unknown")
        return [(0, 0, 0, "", (address, 0)) for address in ADDRESSES[host].split()]

    monkeypatch.setattr(redirects.socket, "getaddrinfo", look_up)


def followed(target: str, *, start: str = "https://data.example/a.zip") -> str:
    request = urllib.request.Request(start)
    return Redirects(start).redirect_request(request, None, 302, "Found", {}, target).full_url


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("https://data.example/a.zip", "https://files.example/a.zip"),
        ("http://data.example/a.zip", "https://files.example/a.zip"),
        ("http://data.example/a.zip", "http://files.example/a.zip"),
        ("http://local.example/a.zip", "http://local.example/b.zip"),
        ("https://data.example/a.zip", "https://proxied.example/a.zip"),
    ],
)
def test_to_the_public_web_or_the_same_host(start: str, target: str) -> None:
    assert followed(target, start=start) == target


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://files.example/a.zip", "a connection that is not encrypted"),
        ("ftp://files.example/a.zip", "the scheme 'ftp'"),
        ("file:///etc/passwd", "the scheme 'file'"),
        ("https://inner.example/a.zip", "a host of this machine or its network"),
        ("https://local.example/a.zip", "a host of this machine or its network"),
        ("https://six.example/a.zip", "a host of this machine or its network"),
        ("https://mapped.example/a.zip", "a host of this machine or its network"),
        ("https://scoped.example/a.zip", "a host of this machine or its network"),
        ("https://both.example/a.zip", "a host of this machine or its network"),
        ("https://printer/a.zip", "a host of this machine or its network"),
    ],
)
def test_never_to_less_safety_or_within_our_walls(target: str, why: str) -> None:
    with pytest.raises(RedirectError) as refusal:
        followed(target)
    assert f"https://data.example/a.zip sends on to {target!r}, {why}: it is not followed" in str(refusal.value)


def test_the_answer_that_is_not_followed_is_closed() -> None:
    answer, start = io.BytesIO(b"page"), "https://data.example/a.zip"
    with pytest.raises(RedirectError):
        Redirects(start).redirect_request(urllib.request.Request(start), answer, 302, "", {}, "ftp://files.example")
    assert answer.closed


def test_a_long_address_is_cut_in_the_message() -> None:
    with pytest.raises(RedirectError) as refusal:
        followed("ftp://files.example/" + "x" * 5000)
    assert len(str(refusal.value)) < 500
