"""Addresses: which of them are anybody's on the internet, which are of a network of one's own, and which are neither.

The tables are IANA's of special-purpose addresses (RFC 6890 and those after it), written out: what Python's ipaddress
calls global differs by its version, and has the addresses in it that lead to an IPv4 address behind an IPv6 one.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

# `never`: link-local, metadata of clouds, multicast, reserved; nobody has a bank or a mailbox there.
Standing = Literal["public", "private", "never"]
Address = IPv4Address | IPv6Address

_OWN_4 = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_OWN_6 = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))
_SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_PUBLIC_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
# Services that give a machine of a cloud its secrets, at addresses that look like others: Azure, Alibaba, AWS, Google.
_METADATA = frozenset(map(ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254")))
_NAT64, _SIX_TO_FOUR = IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}")


def standing(address: Address) -> Standing:
    """What an address is. One that leads to another (IPv4-mapped, NAT64, 6to4) is what that one is."""
    address = _meant(address)
    if address in _METADATA:
        return "never"
    if isinstance(address, IPv4Address):
        if any(address in network for network in _OWN_4):
            return "private"
        return "never" if any(address in network for network in _SPECIAL_4) else "public"
    if any(address in network for network in _OWN_6):
        return "private"
    is_public = address in _PUBLIC_6 and not any(address in network for network in _SPECIAL_6)
    return "public" if is_public else "never"


def _meant(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def host(text: str) -> str | None:
    """A host as it is looked up, or none where it is no name and no address as one writes it.

    Numbers that only some readers take for addresses (2130706433, 0177.0.0.1, 0x7f.1, 127.1) are none.
    """
    try:
        plain = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    plain = plain.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ip_address(plain)) if "%" not in plain else None
    except ValueError:
        last = plain.rpartition(".")[2]
        is_number = last.isdigit() or last.startswith("0x")
        return None if is_number or not _NAME.fullmatch(plain) else plain
