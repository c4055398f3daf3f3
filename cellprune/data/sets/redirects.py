"""Where a server may send a download on to: another address of the public web, never less safe, never within our walls.

Without these rules whoever can answer in a server's place, as on plain http, has this machine ask its neighbours.
"""

import ipaddress
import socket
import urllib.request
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit
from urllib.request import Request

from cellprune.errors import WorkError


class RedirectError(WorkError):
    """A server sends a download on to where it may not go."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects of one download.

    To http or https alone, from https to https alone, and to hosts of this machine or its private networks only where
    the download began at that host.
    """

    def __init__(self, address: str) -> None:
        self._address, self._host = address, urlsplit(address).hostname

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        target = urlsplit(newurl)
        if target.scheme not in ("http", "https"):
            why = f"the scheme {target.scheme!r}"
        elif urlsplit(req.full_url).scheme == "https" != target.scheme:
            why = "a connection that is not encrypted"
        elif target.hostname != self._host and _is_inner(target.hostname or ""):
            why = "a host of this machine or its network"
        else:
            return super().redirect_request(req, fp, code, msg, headers, newurl)
        if fp is not None:
            fp.close()
        raise RedirectError(
            f"{self._address} sends on to {newurl[:200]!r}, {why}: it is not followed; get the archive elsewhere and "
            "give it with --from"
        )


def _is_inner(host: str) -> bool:
    """Tell whether any address of a host is not one of the public internet."""
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return "." not in host  # only a proxy knows it; the name of a neighbour has no dot
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in answers]
    return not all((getattr(ip, "ipv4_mapped", None) or ip).is_global for ip in addresses)
