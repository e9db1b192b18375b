import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.address import TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("db1.example:3307", TcpAddress("db1.example", 3307)),
        ("db1.example", TcpAddress("db1.example", 3306)),
        ("10.0.0.7:3306", TcpAddress("10.0.0.7", 3306)),
        ("[::1]:3307", TcpAddress("::1", 3307)),
        ("[fe80::1%eth0]", TcpAddress("fe80::1%eth0", 3306)),
        ("unix:/run/mysqld/mysqld.sock", UnixAddress("/run/mysqld/mysqld.sock")),
    ],
)
def test_reads_each_form(text, address):
    """Host with or without port, bracketed IPv6 and Unix sockets are understood."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", ":3306", "db1:", "db1:x", "db1:0", "db1:65536", "::1", "[::1", "[]:1", "a b", "u@h:1"],
)
def test_refuses_what_is_none_of_them(text):
    """Ports out of range, bare IPv6 and broken texts are errors."""
    with pytest.raises(ValueError, match=r"port is a number|not host:port"):
        parse_address(text)


@given(st.sampled_from(["db", "10.0.0.7", "::1"]), st.integers(1, 65535))
def test_tcp_text_reads_back(host, port):
    """The text of a TCP address gives the same address."""
    address = TcpAddress(host, port)
    assert parse_address(str(address)) == address


def test_unix_text_reads_back():
    """The text of a Unix address gives the same address."""
    assert parse_address(str(UnixAddress("/a/b"))) == UnixAddress("/a/b")


@pytest.mark.parametrize(
    ("host", "is_name"), [("db1.internal", True), ("10.0.0.1", False), ("::1", False)]
)
def test_a_name_may_lead_elsewhere_one_day(host, is_name):
    """An address of four or eight numbers is what it is."""
    assert TcpAddress(host).is_name is is_name
    assert not UnixAddress("/run/mysqld.sock").is_name
