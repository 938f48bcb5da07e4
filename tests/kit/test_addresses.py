"""Addresses: what is not anybody's on the internet is told, however it is written."""

from ipaddress import ip_address

import pytest

from ai2.kit import addresses


@pytest.mark.parametrize(
    ("written", "standing"),
    [
        ("8.8.8.8", "public"), ("1.1.1.1", "public"), ("172.15.255.255", "public"), ("172.32.0.0", "public"),
        ("100.63.255.255", "public"), ("2001:4860:4860::8888", "public"), ("2a00:1450:4001::1", "public"),
        ("10.0.0.1", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"),
        ("192.168.1.1", "private"), ("127.0.0.1", "private"), ("127.255.255.254", "private"), ("::1", "private"),
        ("100.64.0.1", "private"), ("fc00::1", "private"), ("fd12:3456::1", "private"),
        ("169.254.169.254", "never"), ("169.254.0.1", "never"), ("fe80::1", "never"), ("fec0::1", "never"),
        ("168.63.129.16", "never"),  # Azure's metadata, at an address like any other
        ("100.100.100.200", "never"),  # Alibaba's, within what carriers have for themselves
        ("fd00:ec2::254", "never"), ("fd20:ce::254", "never"), ("192.0.0.192", "never"),
        ("0.0.0.0", "never"), ("0.1.2.3", "never"), ("::", "never"), ("255.255.255.255", "never"),  # noqa: S104
        ("224.0.0.1", "never"), ("ff02::1", "never"), ("240.0.0.1", "never"), ("198.18.0.1", "never"),
        ("192.0.2.1", "never"), ("203.0.113.1", "never"), ("2001:db8::1", "never"), ("3fff::1", "never"),
        ("100::1", "never"), ("4000::1", "never"), ("2001::1", "never"), ("5f00::1", "never"),
        # an IPv4 address behind an IPv6 one is what it is itself
        ("::ffff:8.8.8.8", "public"), ("::ffff:127.0.0.1", "private"), ("::ffff:10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "never"), ("64:ff9b::808:808", "public"), ("64:ff9b::a00:1", "private"),
        ("64:ff9b::a9fe:a9fe", "never"), ("64:ff9b:1::a00:1", "never"), ("2002:808:808::", "public"),
        ("2002:7f00:1::", "private"), ("2002:a9fe:a9fe::1", "never"), ("::127.0.0.1", "never"),
        ("::ffff:0:127.0.0.1", "never"),
    ],
)  # fmt: skip
def test_an_address_is_told_by_where_it_leads(written: str, standing: str) -> None:
    assert addresses.standing(ip_address(written)) == standing


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("bank.example", "bank.example"), ("Bank.Example.", "bank.example"), ("a_b.example", "a_b.example"),
        ("müller.example", "xn--mller-kva.example"), ("8.8.8.8", "8.8.8.8"), ("[2001:db8::1]", "2001:db8::1"),
        ("localhost", "localhost"), ("１２７.0.0.1", "127.0.0.1"),
        # numbers that only some readers take for addresses
        ("2130706433", None), ("0x7f000001", None), ("0177.0.0.1", None), ("127.1", None), ("0x7f.0.0.1", None),
        ("bank.0x1", None), ("1.2.3.4.5", None), ("127.0.0.01", None), ("256.1.1.1", None),
        ("fe80::1%eth0", None), ("", None), (".", None), ("a..b", None), ("a b", None), ("a/b", None),
        ("a@b", None), ("a:80", None), ("-a.example", None), ("bank.example\n", None), ("bank\0.example", None),
        ("x" * 64 + ".example", None), ("a." * 130 + "b", None),
    ],
)  # fmt: skip
def test_a_host_is_a_name_or_an_address_as_one_writes_it(written: str, read: str | None) -> None:
    assert addresses.host(written) == read
