"""
Forward proxies: through which one a server is to be asked, by the environment
(``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``, lower-case too).

Sources: curl's and Go's manuals for the variables, of which there is no standard;
RFC 9112, 3.2.2 for the form of a request to a proxy; RFC 7617 for its
credentials.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from .failures import ConnectFailed
from .origin import Origin

_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ForwardProxy:
    """
    One that passes requests on.

    :ivar host: its name or address, without brackets.
    :ivar port: its port.
    :ivar authorization: what ``Proxy-Authorization`` says to it, or `None`.
    """

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"the proxy {self.host} port {self.port}"


class ForwardProxies:
    """
    The proxies that the daemon's environment names.

    :param environ: the environment; lower-case names come first, and an empty
        value means none.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._urls = {
            False: _value(environ, "http_proxy"),
            True: _value(environ, "https_proxy"),
        }
        self._exempt = [
            entry.strip().lower()
            for entry in _value(environ, "no_proxy")[1].split(",")
            if entry.strip()
        ]

    def for_origin(self, origin: Origin) -> ForwardProxy | None:
        """
        :param origin: the server that is to be asked.
        :returns: the proxy to ask it through, or `None` where it is asked
            directly, as it always is on loopback.
        :raises ConnectFailed: if what the environment says makes no sense.
        """
        variable, url = self._urls[origin.secure]
        if not url or self._is_exempt(origin):
            return None
        return _parse(variable, url)

    def _is_exempt(self, origin: Origin) -> bool:
        host = origin.host.lower().removesuffix(".")
        address = _address(host)
        if host == "localhost" or (address is not None and _is_here(address)):
            return True
        return any(
            _matches(entry, host, origin.port, address) for entry in self._exempt
        )


def _value(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """
    The variable that counts, and its value.
    """
    for variable in (name, name.upper()):
        if variable in environ:
            return variable, environ[variable].strip()
    return name, ""


def _parse(variable: str, url: str) -> ForwardProxy:
    try:
        # Most programs take a bare host and port too.
        parts = urlsplit(url if "://" in url else "http://" + url)
        host, port = parts.hostname or "", parts.port or 80
        authorization = None
        if parts.username is not None:
            user, password = parts.username, parts.password or ""
            pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
            authorization = b"Basic " + b64encode(pair)
        makes_sense = parts.scheme == "http" and host != "" and host.isascii()
    except ValueError:
        makes_sense = False
    if not makes_sense:
        # The URL may have a password in it.
        raise ConnectFailed(
            f"cannot be asked through the proxy that {variable} names: only "
            "http://host:port is known"
        )
    return ForwardProxy(host, port, authorization)


def _address(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_here(address: _Address) -> bool:
    # To connect to the unspecified address is to connect to this machine.
    return address.is_loopback or address.is_unspecified


def _matches(entry: str, host: str, port: int, address: _Address | None) -> bool:
    """
    Whether an entry of ``NO_PROXY`` names a host: ``*``, an address, a network
    (``10.0.0.0/8``), a domain with all below it, or, with a dot before it, all
    below it alone; the port of ``host:port`` counts too.
    """
    if entry == "*":
        return True
    if address is not None and "/" in entry:
        try:
            return address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
    else:
        name = entry
    name = name.removeprefix("[").removesuffix("]")
    if address is not None:
        return _address(name) == address
    name = name.removeprefix("*").removesuffix(".")
    return host == name or host.endswith("." + name.removeprefix("."))
