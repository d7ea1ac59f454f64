"""Where an address leads: names asked once, judged, and then kept to.

Enters: an address an administrator wrote. Leaves: IP addresses that may be reached. Must not connect.

A name that leads to a private address is refused unless the administrator allowed that channel to lie inside; what no
server of a company ever has (link-local addresses, where clouds keep their secrets, and groups) is refused always.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """Nobody answered; ``code`` names the sentence, ``lasting`` says that trying again is no use."""

    def __init__(self, code: str, detail: str = "", *, lasting: bool = False) -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code, self.detail, self.lasting = code, detail[:300], lasting


def find_host(address: str) -> str:
    """Return ``host`` or ``host:port`` of a web address; raises ``Unreachable`` when it is none that could be used."""
    host, port = split_host(address)
    named = f"[{host}]" if ":" in host else host
    return named if port is None else f"{named}:{port}"


def split_host(address: str) -> tuple[str, int | None]:
    """Return host and port of a web address; raises ``Unreachable`` when it is none that could be used."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Unreachable("channel.bad_address", lasting=True) from None
    plain = address.isascii() and address.isprintable() and " " not in address
    if not plain or parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise Unreachable("channel.bad_address", lasting=True)
    return parts.hostname, port


def resolve(host: str, port: int, *, inside: bool) -> list[str]:
    """Return the addresses a name leads to; raises ``Unreachable`` when it leads nowhere, or one is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("channel.no_host", str(error)) from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for one in addresses:
        if not is_allowed(one, inside=inside):
            raise Unreachable("channel.inside", one, lasting=True)
    return addresses


def is_allowed(address: str, *, inside: bool) -> bool:
    """Return whether a message may be sent to an IP address; one wrapped in another is judged as what it is."""
    one = _unwrap(ipaddress.ip_address(address.partition("%")[0]))
    never = one.is_link_local or one.is_multicast or one.is_unspecified or one.is_reserved
    return not never and (inside or one.is_global)


def _unwrap(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address
