import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire import framing
from proxy.wire.constants import Capability
from proxy.wire.greeting import Login
from proxy.wire.primitives import Malformed
from proxy.wire.proxy_header import (
    BLOCK_LIMIT,
    LINE_LIMIT,
    SIGNATURE,
    Incomplete,
    NoHeader,
    ProxyHeader,
    encode_local,
    encode_v2,
    read_header,
)

# An example of AWS for a Network Load Balancer behind an endpoint of a VPC: checksum, the
# endpoint's id, padding.
AWS = (
    SIGNATURE
    + b"\x21\x11\x00\x54\xac\x1f\x07\x71\xac\x1f\x0a\x1f\xc8\xf2\x00\x50"
    + b"\x03\x00\x04\xe8\xd6\x89\x2d"
    + b"\xea\x00\x17\x01vpce-08d2bf15fac5001c9"
    + b"\x04\x00\x24"
    + bytes(36)
)
FOUR = b"\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x07\x0c\xea"
SIX = ipaddress.IPv6Address("2001:db8::1").packed * 2 + b"\x00\x07\x0c\xea"
LONGEST = ":".join(["ffff"] * 8)

ports = st.integers(0, 0xFFFF)


def pairs(version):
    """Two addresses of one family, each with a port."""
    one = st.tuples(st.ip_addresses(v=version).map(str), ports)
    return st.tuples(one, one)


def expected(address):
    """An address as text, by its IPv4 form if it has one."""
    parsed = ipaddress.ip_address(address)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def block(command, kind, body, length=None):
    """A header of version 2."""
    size = len(body) if length is None else length
    return SIGNATURE + bytes((command, kind)) + size.to_bytes(2, "big") + body


def line(source, destination):
    """A header of version 1."""
    (a, a_port), (b, b_port) = source, destination
    word = "TCP6" if ":" in a else "TCP4"
    return f"PROXY {word} {a} {b} {a_port} {b_port}\r\n".encode()


both = st.one_of(pairs(4), pairs(6))
headers = st.one_of(
    both.map(lambda pair: encode_v2(*pair)),
    both.map(lambda pair: line(*pair)),
    st.binary(max_size=60).map(lambda body: block(0x20, 0x00, body)),
    st.sampled_from(
        [AWS, encode_local(), b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN a\nb \r c 1 2\r\n"]
    ),
)


@given(pair=both, rest=st.binary(max_size=40))
def test_a_block_is_read_back(pair, rest):
    """read(encode(x)) has the client's address, and ends where the client's bytes begin."""
    header = encode_v2(*pair)
    source, _ = pair
    assert read_header(header + rest) == ProxyHeader(
        len(header), expected(source[0]), source[1]
    )


@given(pair=both, rest=st.binary(max_size=40))
def test_a_line_is_read(pair, rest):
    """A line of text says the same as a block."""
    header = line(*pair)
    source, _ = pair
    assert read_header(header + rest) == ProxyHeader(
        len(header), expected(source[0]), source[1]
    )


@given(header=headers)
def test_a_header_is_incomplete_until_it_is_whole(header):
    """Wherever a header is cut, the part before the cut asks for more."""
    assert isinstance(read_header(header), ProxyHeader)
    for end in range(len(header)):
        assert read_header(header[:end]) == Incomplete()


nearly = st.one_of(
    st.binary(max_size=150),
    st.binary(max_size=150).map(lambda tail: b"PROXY " + tail),
    st.binary(max_size=150).map(lambda tail: SIGNATURE + tail),
    st.text("TCP46UNKOW 0123456789abcdef:.%\r\n", max_size=110).map(
        lambda tail: b"PROXY TCP4 " + tail.encode()
    ),
    st.builds(
        block,
        st.sampled_from((0x20, 0x21)),
        st.sampled_from((0x00, 0x11, 0x12, 0x21, 0x31)),
        st.binary(max_size=300),
    ),
    st.tuples(headers, st.integers(0, 300), st.integers(0, 255)).map(
        lambda made: made[0][: made[1]] + bytes((made[2],)) + made[0][made[1] + 1 :]
    ),
)


@given(data=nearly, cut=st.integers(0, 320))
def test_any_bytes_have_one_answer(data, cut):
    """No bytes raise, and what was answered for the first of them holds when more come."""
    early, late = read_header(data[:cut]), read_header(data)
    assert isinstance(late, ProxyHeader | Incomplete | NoHeader | Malformed)
    if isinstance(early, Malformed):
        assert isinstance(late, Malformed)
    elif not isinstance(early, Incomplete):
        assert late == early


@pytest.mark.parametrize("before_tls", [False, True])
def test_a_login_is_no_header(before_tls):
    """A client's login, and the request for TLS that it may begin with, are its own bytes."""
    flags = int(
        Capability.PROTOCOL_41
        | Capability.SECURE_CONNECTION
        | Capability.PLUGIN_AUTH
        | Capability.SSL
    )
    payload = Login(
        flags, 1 << 24, 45, "app", bytes(20), plugin="mysql_native_password"
    ).encode()
    packet = framing.encode(payload[:32] if before_tls else payload, 1)
    assert read_header(packet) == NoHeader()
    assert read_header(packet[:1]) == NoHeader()


@pytest.mark.parametrize("size", [0x50, 0x5250, 0x4F5250, 0x0D, 0x0A0D, 0x0D0A0D])
def test_a_login_of_a_length_that_spells_a_header_is_none(size):
    """The sequence number tells a login whose length is spelt as a header begins."""
    start = size.to_bytes(3, "little")
    assert read_header(start[:1]) == Incomplete()
    assert read_header(start + b"\x01") == NoHeader()


@pytest.mark.parametrize(
    "data",
    [b"\x00", b"p", b"G", b"\n", b"\x16", b"PR ", b"PROXY\r", b"\r\r", SIGNATURE[:11] + b"\r"],
)
def test_the_first_byte_that_no_header_has_decides(data):
    """Nothing is waited for once the bytes cannot become a header."""
    assert read_header(data) == NoHeader()
    assert read_header(data[:-1]) == Incomplete()


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", ("192.168.0.1", 56324)),
        (b"PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n", ("255.255.255.255", 0)),
        (b"PROXY TCP6 2001:DB8:0:0::1 ::1 7 3306\r\n", ("2001:db8::1", 7)),
        (b"PROXY TCP6 ::ffff:10.0.0.1 ::ffff:a00:2 7 3306\r\n", ("10.0.0.1", 7)),
        (f"PROXY TCP6 {LONGEST} {LONGEST} 65535 65535\r\n".encode(), (LONGEST, 65535)),
        (b"PROXY UNKNOWN\r\n", (None, 0)),
        (b"PROXY UNKNOWN 10.0.0.1 10.0.0.2 7 3306\r\n", (None, 0)),
        (b"PROXY UNKNOWN " + b"\xff" * (LINE_LIMIT - 16) + b"\r\n", (None, 0)),
    ],
)
def test_a_line_in_bytes(data, header):
    """What each kind of line says, the longest ones among them."""
    assert read_header(data + b"\r\n") == ProxyHeader(len(data), *header)


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (b"TCP4 10.0.0.1 10.0.0.2 7\r\n", "not two addresses and two ports"),
        (b"TCP4 10.0.0.1 10.0.0.2 7 3306 \r\n", "not two addresses and two ports"),
        (b"TCP4  10.0.0.1 10.0.0.2 7 3306\r\n", "not two addresses and two ports"),
        (b"TCP4 \r\n", "not two addresses and two ports"),
        (b"TCP4 10.0.0.01 10.0.0.2 7 3306\r\n", "'10.0.0.01' is no address for TCP4"),
        (b"TCP4 10.0.0.256 10.0.0.2 7 3306\r\n", "'10.0.0.256' is no address for TCP4"),
        (b"TCP4 10.0.0.1/8 10.0.0.2 7 3306\r\n", "'10.0.0.1/8' is no address for TCP4"),
        (b"TCP4 10.1 10.0.0.2 7 3306\r\n", "'10.1' is no address for TCP4"),
        (b"TCP4 10.0.0.\xb2 10.0.0.2 7 3306\r\n", "'10.0.0.²' is no address for TCP4"),
        (b"TCP4 10.0.0.1 ::1 7 3306\r\n", "'::1' is no address for TCP4"),
        (b"TCP4 ::ffff:10.0.0.1 10.0.0.2 7 1\r\n", "'::ffff:10.0.0.1' is no address for TCP4"),
        (b"TCP6 10.0.0.1 ::1 7 3306\r\n", "'10.0.0.1' is no address for TCP6"),
        (b"TCP6 ::1 10.0.0.2 7 3306\r\n", "'10.0.0.2' is no address for TCP6"),
        (b"TCP6 fe80::1%eth0 ::1 7 3306\r\n", "'fe80::1%eth0' is no address for TCP6"),
        (b"TCP6 [::1] ::1 7 3306\r\n", "'[::1]' is no address for TCP6"),
        (b"TCP6 1::2::3 ::1 7 3306\r\n", "'1::2::3' is no address for TCP6"),
        (b"TCP4 10.0.0.1 10.0.0.2 07 3306\r\n", "'07' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 00 3306\r\n", "'00' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 65536 3306\r\n", "'65536' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 -1 3306\r\n", "'-1' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 \xb2 3306\r\n", "'²' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 7 \r\n", "'' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 7 3306\r\r\n", r"'3306\r' is no port"),
        (b"TCP4 10.0.0.1 10.0.0.2 7 3306\n", "without a carriage return"),
        (b"TCP4 10.0.0.1 10.0.0.2 7 3306\n\r\n", r"'3306\n' is no port"),
        (b"TCP5", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"UDP4 ", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"tcp4 ", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b" ", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"\r\n", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"UNKNOWNS\r\n", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"UNKNOWN\n", "neither TCP4 nor TCP6 nor UNKNOWN"),
        (b"UNKNOWN " + b"x" * (LINE_LIMIT - 14), "no end within 107 bytes"),
        (b"UNKNOWN " + b"x" * (LINE_LIMIT - 15) + b"\r\n", "no end within 107 bytes"),
        (b"TCP4 " + b"1" * (LINE_LIMIT - 11), "no end within 107 bytes"),
    ],
)
def test_a_broken_line_is_malformed(rest, why):
    """What a line may not be, told as soon as it is there."""
    answer = read_header(b"PROXY " + rest)
    assert isinstance(answer, Malformed)
    assert why in answer.why


def test_a_block_in_bytes():
    """Where each field of version 2 stands."""
    assert encode_v2(("10.0.0.1", 7), ("10.0.0.2", 3306)) == (
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + FOUR
    )
    assert encode_v2(("2001:db8::1", 7), ("2001:db8::1", 3306)) == (
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + SIX
    )
    assert encode_local() == b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


def test_an_ipv6_address_that_stands_for_one_of_ipv4_is_given_as_such():
    """A listener for both families names IPv4 clients in the form of IPv6."""
    mapped = ipaddress.IPv6Address("::ffff:10.0.0.1").packed
    header = block(0x21, 0x21, mapped * 2 + b"\x00\x07\x0c\xea")
    assert read_header(header) == ProxyHeader(52, "10.0.0.1", 7)
    assert encode_v2(("::ffff:10.0.0.1", 7), ("10.0.0.2", 3306)) == block(0x21, 0x11, FOUR)
    assert encode_v2(("10.0.0.1", 7), ("::ffff:10.0.0.2", 3306)) == block(0x21, 0x11, FOUR)
    beside_another = encode_v2(("::ffff:10.0.0.1", 7), ("2001:db8::1", 3306))
    assert beside_another[13] == 0x21
    assert read_header(beside_another) == ProxyHeader(52, "10.0.0.1", 7)


def test_a_block_has_no_room_for_a_zone():
    """The zone of a link-local address means nothing on another host, and is left out."""
    header = encode_v2(("fe80::1%eth0", 7), ("fe80::2%eth0", 3306))
    assert read_header(header) == ProxyHeader(52, "fe80::1", 7)


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        (("10.0.0.1", 7), ("::1", 3306), "different families"),
        (("::1", 7), ("10.0.0.1", 3306), "different families"),
        (("::ffff:zz", 7), ("10.0.0.1", 3306), "::ffff:zz"),
        (("localhost", 7), ("10.0.0.1", 3306), "localhost"),
        (("10.0.0.1", 7), ("/run/mysqld.sock", 0), "mysqld"),
        (("10.0.0.1", 65536), ("10.0.0.2", 3306), "no port"),
        (("10.0.0.1", 7), ("10.0.0.2", -1), "no port"),
    ],
)
def test_what_a_block_cannot_say_is_our_mistake(source, destination, why):
    """Mixed families, names, paths and numbers that are no port raise."""
    with pytest.raises(ValueError, match=why):
        encode_v2(source, destination)


def test_the_header_of_a_network_load_balancer():
    """An example of AWS is read to its end, its checksum found right."""
    assert read_header(AWS + b"\x55") == ProxyHeader(len(AWS), "172.31.7.113", 51442)


@pytest.mark.parametrize("place", [*range(16, 28), len(AWS) - 1])
def test_a_wrong_checksum_is_malformed(place):
    """Whatever byte of addresses, ports and fields has changed, the header is refused."""
    changed = AWS[:place] + bytes((AWS[place] ^ 1,)) + AWS[place + 1 :]
    assert read_header(changed) == Malformed("the checksum of a PROXY header is wrong")


@pytest.mark.parametrize(
    ("command", "kind", "body"),
    [
        (0x20, 0x00, b""),
        (0x20, 0x11, FOUR),
        (0x20, 0x11, b"\x01"),
        (0x20, 0xFF, b"whatever"),
        (0x21, 0x00, b""),
        (0x21, 0x00, b"\x03\x00\x04 bad"),
        (0x21, 0x01, FOUR),
        (0x21, 0x10, b"\x01"),
        (0x21, 0x12, FOUR),
        (0x21, 0x22, SIX + b"\x04\x00\x00"),
        (0x21, 0x31, bytes(216)),
        (0x21, 0x32, bytes(216)),
    ],
)
def test_a_block_without_a_tcp_client_has_no_address(command, kind, body):
    """Health checks, unknown families, datagrams and Unix sockets have no client over TCP."""
    header = block(command, kind, body)
    assert read_header(header + b"rest") == ProxyHeader(len(header), None, 0)


@pytest.mark.parametrize(
    "fields",
    [b"", b"\x04\x00\x00", b"\x02\x00\x02db\xea\x00\x01\x01", b"\x04\x0f\xf1" + bytes(4081)],
)
def test_fields_behind_the_addresses_are_passed_over(fields):
    """What else a load balancer says changes nothing, up to the limit itself."""
    header = block(0x21, 0x11, FOUR + fields)
    assert read_header(header) == ProxyHeader(len(header), "10.0.0.1", 7)
    assert len(header) <= 16 + BLOCK_LIMIT


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (SIGNATURE + b"\x11", "0x11 is no version and command"),
        (SIGNATURE + b"\x31", "0x31 is no version and command"),
        (SIGNATURE + b"\x22", "0x22 is no version and command"),
        (SIGNATURE + b"\x21\x41", "0x41 is no family and transport"),
        (SIGNATURE + b"\x21\x13", "0x13 is no family and transport"),
        (SIGNATURE + b"\x21\x03", "0x03 is no family and transport"),
        (block(0x21, 0x11, b"", BLOCK_LIMIT + 1), "4097 bytes, 4096 allowed"),
        (block(0x20, 0x00, b"", 0xFFFF), "65535 bytes, 4096 allowed"),
        (block(0x21, 0x11, b"", 11), "11 bytes are too few"),
        (block(0x21, 0x12, b"", 0), "0 bytes are too few"),
        (block(0x21, 0x21, b"", 35), "35 bytes are too few"),
        (block(0x21, 0x31, b"", 215), "215 bytes are too few"),
        (block(0x21, 0x11, FOUR + b"\x04"), "2 bytes announced, 0 left"),
        (block(0x21, 0x11, FOUR + b"\x04\x00"), "2 bytes announced, 1 left"),
        (block(0x21, 0x11, FOUR + b"\x04\x00\x05abcd"), "5 bytes announced, 4 left"),
        (block(0x21, 0x31, bytes(216) + b"\x04\x00\x01"), "1 bytes announced, 0 left"),
        (block(0x21, 0x11, FOUR + b"\x03\x00\x03abc"), "one checksum, of four bytes"),
        (block(0x21, 0x11, FOUR + b"\x03\x00\x04abcd"), "the checksum of a PROXY header"),
    ],
)
def test_a_broken_block_is_malformed(header, why):
    """What a block may not be, told as soon as it is there."""
    answer = read_header(header)
    assert isinstance(answer, Malformed)
    assert why in answer.why


def test_one_checksum_is_enough():
    """A second one is refused before anything is computed for it."""
    field = b"\x03\x00\x04abcd"
    longer = (int.from_bytes(AWS[14:16], "big") + len(field)).to_bytes(2, "big")
    header = AWS[:14] + longer + AWS[16:] + field
    right = checksum(header[:31] + bytes(4) + header[35:])
    answer = read_header(header[:31] + right + header[35:])
    assert answer == Malformed("a PROXY header has one checksum, of four bytes")


def checksum(data):
    """CRC32C by its definition, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 * (value & 1))
    return (value ^ 0xFFFFFFFF).to_bytes(4, "big")


@given(tail=st.binary(max_size=80))
def test_a_right_checksum_is_taken(tail):
    """A checksum over any other fields, with its own bytes as zeros, is the one computed."""
    fields = b"\xe0" + len(tail).to_bytes(2, "big") + tail
    start = block(0x21, 0x21, SIX, len(SIX) + 7 + len(fields)) + b"\x03\x00\x04"
    header = start + checksum(start + bytes(4) + fields) + fields
    assert read_header(header) == ProxyHeader(len(header), "2001:db8::1", 7)
