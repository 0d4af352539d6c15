"""Where a connection may go: an address is judged after its name was resolved, and the connection is made to what was judged.

A check of the text alone is open to names that resolve to private addresses, and to names that resolve differently a moment
later. Whoever connects resolves, asks `judged`, and connects to one of the addresses that come back.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

#: IPv6 prefixes whose last 32 bits are an IPv4 address that is connected to: NAT64 (RFC 6052), IPv4-compatible.
_CARRIERS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))


class NotPublic(Exception):
    """A host that is, or also is, at an address which is not on the open internet."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is {address}, which is not on the open internet.")


def judged(host: str, addresses: Iterable[str], private_allowed: bool) -> list[str]:
    """The addresses of a host, each once, in order. Raises NotPublic when one of them is private and none may be."""
    found = list(dict.fromkeys(addresses))
    if not private_allowed and (private := [one for one in found if not is_public(one)]):
        raise NotPublic(host, private[0])
    return found


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local, shared, multicast or reserved,
    nor an IPv6 address that carries such an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _carried(ip)) is not None:
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if inner := ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None):
        return inner
    carries = any(ip in network for network in _CARRIERS)
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if carries else None


def names(host: str, allowed: Sequence[str]) -> bool:
    """Whether a host is one of those named: `wiki.lan`, `*.lan` for all below it, or the address itself."""
    plain = host.strip("[]").rstrip(".").lower()
    return any(
        plain == one or (one.startswith("*.") and plain.endswith(one[1:])) for one in map(str.lower, allowed)
    )
