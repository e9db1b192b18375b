import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.constants import Capability
from proxy.wire.greeting import (
    ATTRIBUTES_LIMIT,
    NONCE_SIZE,
    USER_LIMIT,
    AuthSwitch,
    ChangeUser,
    Greeting,
    Login,
    SslRequest,
    auth_more_data,
    auth_switch,
    parse_auth_switch,
    parse_change_user,
    parse_greeting,
    parse_login,
)
from proxy.wire.primitives import Malformed, lenenc_bytes, lenenc_int

NONCE = b"abcdefghijklmnopqrst"
EVERYTHING = (1 << 32) - 1

# The beginning and end of a greeting of MySQL 9.7; its challenge is replaced.
MYSQL = (
    b"\x0a9.7.4-2\x00\x10\x00\x00\x00abcdefgh\x00\xff\xff\xff\x02\x00\xff\xdf\x15"
    + bytes(10)
    + b"ijklmnopqrst\x00caching_sha2_password\x00"
)
# The same of MariaDB 10.11: the last four of the ten bytes are capabilities of its own.
MARIADB = (
    b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1-log\x00\x0d\x00\x00\x00abcdefgh\x00\xfe\xf7\x2d\x02\x00"
    b"\xff\x81\x15"
    + bytes(6)
    + b"\x1d\x00\x00\x00"
    + b"ijklmnopqrst\x00mysql_native_password\x00"
)

plugins = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=30)
without_nul = st.binary(max_size=40).map(lambda value: value.replace(b"\x00", b"\x01"))
users = without_nul.map(lambda name: name.decode("utf-8", "surrogateescape"))


@st.composite
def logins(draw):
    """Logins with any capabilities, and in them what these capabilities announce."""
    capabilities = draw(st.integers(0, EVERYTHING)) | Capability.PROTOCOL_41

    def announced(capability, values, nothing):
        return draw(values) if capabilities & capability else nothing

    attributes = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=300)), max_size=4)
    secure = Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA | Capability.SECURE_CONNECTION
    return Login(
        capabilities,
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 255)),
        draw(users),
        announced(secure, st.binary(max_size=255), draw(without_nul)),
        announced(Capability.CONNECT_WITH_DB, without_nul, b"") or None,
        announced(Capability.PLUGIN_AUTH, plugins, ""),
        announced(Capability.CONNECT_ATTRS, attributes.map(tuple), ()),
    )


def test_the_greeting_of_mysql():
    """A greeting as MySQL 9.7 sends it, read and written to the byte."""
    greeting = parse_greeting(MYSQL)
    assert greeting == Greeting(
        "9.7.4-2", 16, NONCE, 0xDFFFFFFF, 255, 2, "caching_sha2_password"
    )
    assert greeting.encode() == MYSQL


def test_the_greeting_of_mariadb():
    """A greeting as MariaDB 10.11 sends it; its own capabilities are passed over."""
    greeting = parse_greeting(MARIADB)
    version = "5.5.5-10.11.19-MariaDB-0+deb12u1-log"
    assert greeting == Greeting(version, 13, NONCE, 0x81FFF7FE, 45, 2, "mysql_native_password")
    assert greeting.encode() == MARIADB.replace(b"\x1d\x00\x00\x00", bytes(4))


@given(
    version=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=30),
    connection_id=st.integers(0, 2**32 - 1),
    nonce=st.binary(min_size=NONCE_SIZE, max_size=NONCE_SIZE),
    capabilities=st.integers(0, EVERYTHING),
    collation=st.integers(0, 255),
    status=st.integers(0, 0xFFFF),
    plugin=plugins,
)
def test_a_greeting_is_read_back(
    version, connection_id, nonce, capabilities, collation, status, plugin
):
    """parse(encode(x)) is x, for all capabilities with which there is a whole challenge."""
    capabilities |= Capability.SECURE_CONNECTION
    named = plugin if capabilities & Capability.PLUGIN_AUTH else ""
    greeting = Greeting(version, connection_id, nonce, capabilities, collation, status, named)
    assert parse_greeting(greeting.encode()) == greeting


def test_pymysql_reads_our_greeting():
    """The challenge and all else arrive at a client that is not ours."""
    from pymysql.connections import Connection

    ours = parse_greeting(MYSQL).encode()
    client = Connection(defer_connect=True)
    client._read_packet = type("Packet", (), {"get_all_data": lambda _: ours})
    client._get_server_information()
    assert client.salt == NONCE
    assert client.server_version == "9.7.4-2"
    assert client.server_capabilities == 0xDFFFFFFF
    assert client._auth_plugin_name == "caching_sha2_password"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "1 bytes announced"),
        (b"\x09" + MYSQL[1:], "not a greeting of protocol version 10"),
        (MYSQL[:8], "no NUL at its end"),
        (MYSQL[: MYSQL.index(b"\xff\xff") + 2], "no challenge of 20 bytes"),
        (
            attrs.evolve(parse_greeting(MYSQL), capabilities=0).encode(),
            "no challenge of 20 bytes",
        ),
    ],
)
def test_a_bad_greeting_is_malformed(payload, why):
    """What is too short, too old or without a whole challenge is told as such."""
    answer = parse_greeting(payload)
    assert isinstance(answer, Malformed)
    assert why in answer.why


@given(login=logins())
def test_a_login_is_read_back(login):
    """parse(encode(x)) is x under every set of capabilities."""
    assert parse_login(login.encode()) == login


def test_a_login_in_bytes():
    """Where each field of HandshakeResponse41 stands."""
    flags = (
        Capability.PROTOCOL_41
        | Capability.SECURE_CONNECTION
        | Capability.CONNECT_WITH_DB
        | Capability.PLUGIN_AUTH
        | Capability.CONNECT_ATTRS
        | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA
    )
    login = Login(flags, 1 << 24, 45, "app", b"123", b"shop", "native", ((b"os", b"x"),))
    assert login.encode() == (
        b"\x08\x82\x38\x00\x00\x00\x00\x01\x2d"
        + bytes(23)
        + b"app\x00\x03123shop\x00native\x00\x05\x02os\x01x"
    )


def test_a_collation_that_a_login_has_no_room_for_is_our_mistake():
    """One byte is all there is: a larger id would name another collation."""
    login = Login(int(Capability.PROTOCOL_41), 0, 309, "app", b"")
    with pytest.raises(ValueError, match="range"):
        login.encode()


def test_a_user_name_need_not_be_utf8():
    """Bytes that are no UTF-8 come out as they went in."""
    payload = Login(int(Capability.PROTOCOL_41), 0, 8, "", b"").encode()
    payload = payload[:32] + b"j\xf6rg\x00" + payload[33:]
    login = parse_login(payload)
    assert login.user == "j\udcf6rg"
    assert login.encode() == payload


def test_a_tls_request_is_a_login_cut_short():
    """The first 32 bytes alone, with the flag, ask for TLS; without it they are too short."""
    login = Login(EVERYTHING, 1 << 24, 45, "app", b"").encode()
    assert parse_login(login[:32]) == SslRequest(EVERYTHING, 1 << 24, 45)
    assert isinstance(parse_login(login), Login)
    no_tls = Login(EVERYTHING & ~Capability.SSL, 1 << 24, 45, "app", b"").encode()
    assert isinstance(parse_login(no_tls[:32]), Malformed)


@given(st.integers(0, EVERYTHING), st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_a_tls_request_is_read_back(capabilities, max_packet, collation):
    """Ours has 32 bytes, and the login that follows it within TLS begins with the same."""
    needed = int(Capability.PROTOCOL_41 | Capability.SSL)
    request = SslRequest(capabilities | needed, max_packet, collation)
    assert parse_login(request.encode()) == request
    login = Login(request.capabilities, max_packet, collation, "app", b"")
    assert login.encode()[:32] == request.encode()


def test_a_login_of_mysql_40_is_refused():
    """Without PROTOCOL_41 the packet has another layout, which nobody needs any more."""
    answer = parse_login(b"\x85\x24\x00\x00\x00root\x00")
    assert answer == Malformed("the client does not speak the protocol of MySQL 4.1 and later")


def test_what_ends_a_login_may_be_left_out():
    """Clients that set a flag and send nothing for it, or no last NUL, are understood."""
    flags = int(
        Capability.PROTOCOL_41
        | Capability.SECURE_CONNECTION
        | Capability.CONNECT_WITH_DB
        | Capability.PLUGIN_AUTH
        | Capability.CONNECT_ATTRS
    )
    login = Login(flags, 0, 45, "app", b"")
    start = attrs.evolve(login, capabilities=flags).encode()[: 32 + len(b"app\x00\x00")]
    assert parse_login(start) == login
    assert parse_login(start + b"shop") == attrs.evolve(login, schema=b"shop")
    assert parse_login(start + b"\x00native") == attrs.evolve(login, plugin="native")


def attributed(block):
    """A login with this in the place of its connection attributes."""
    flags = int(Capability.PROTOCOL_41 | Capability.SECURE_CONNECTION)
    payload = Login(flags, 0, 45, "app", b"").encode()
    flags |= Capability.CONNECT_ATTRS
    return parse_login(flags.to_bytes(4, "little") + payload[4:] + block)


@pytest.mark.parametrize("block", [b"\x02\x01a", b"\x03\x05ab"])
def test_attributes_that_are_no_pairs_are_dropped(block):
    """A name without a value, or one cut short, costs the attributes and not the login."""
    login = attributed(block)
    assert isinstance(login, Login)
    assert login.attributes == ()


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x05\x01a", "5 bytes announced, 2 left"),
        (lenenc_int(1 << 40), f"{1 << 40} bytes of connection attributes"),
        (lenenc_bytes(bytes(ATTRIBUTES_LIMIT + 1)), f"{ATTRIBUTES_LIMIT} allowed"),
    ],
)
def test_attributes_of_a_wrong_length_refuse_the_login(block, why):
    """The packet cannot be read to its end, or is longer than any server allows."""
    answer = attributed(block)
    assert isinstance(answer, Malformed)
    assert why in answer.why


def test_as_many_attributes_as_a_server_takes_are_taken():
    """The limit itself is allowed."""
    value = bytes(ATTRIBUTES_LIMIT - 6)
    login = attributed(lenenc_bytes(lenenc_bytes(b"a") + lenenc_bytes(value)))
    assert login.attributes == ((b"a", value),)


def change_user(user, proof, schema, tail):
    """A COM_CHANGE_USER of a client of today."""
    return b"\x11" + user + b"\x00" + bytes((len(proof),)) + proof + schema + b"\x00" + tail


SECURE = int(Capability.SECURE_CONNECTION)
WITH_PLUGIN = SECURE | int(Capability.PLUGIN_AUTH)


@given(
    user=users,
    proof=st.binary(max_size=255),
    schema=without_nul,
    collation=st.integers(0, 0xFFFF),
    plugin=plugins,
)
def test_a_change_of_user_is_read_to_its_end(user, proof, schema, collation, plugin):
    """All fields arrive, the collation's two bytes among them; attributes are not read."""
    name = user.encode("utf-8", "surrogateescape")
    tail = collation.to_bytes(2, "little") + plugin.encode() + b"\x00\x05\x01a\x02bc"
    payload = change_user(name, proof, schema, tail)
    expected = ChangeUser(user, proof, schema or None, collation, plugin)
    assert parse_change_user(payload, WITH_PLUGIN) == expected


def test_a_change_of_user_may_end_early():
    """Old clients end it behind the schema or the collation, and some without a NUL."""
    start = b"\x11app\x00\x02pwshop"
    without = ChangeUser("app", b"pw", b"shop", None, "")
    assert parse_change_user(start, WITH_PLUGIN) == without
    assert parse_change_user(start + b"\x00", WITH_PLUGIN) == without
    with_collation = attrs.evolve(without, collation=45)
    assert parse_change_user(start + b"\x00\x2d\x00", WITH_PLUGIN) == with_collation
    assert parse_change_user(start + b"\x00\x2d\x00native\x00", SECURE) == with_collation


def test_a_change_of_user_without_a_length_before_the_proof():
    """Before 4.1's authentication the proof ends with a NUL."""
    payload = b"\x11app\x00pw\x00shop\x00"
    assert parse_change_user(payload, 0) == ChangeUser("app", b"pw", b"shop", None, "")


@given(plugin=plugins, nonce=without_nul)
def test_a_switch_of_plugins_is_read_back(plugin, nonce):
    """parse(encode(x)) is x."""
    assert parse_auth_switch(auth_switch(plugin, nonce)) == AuthSwitch(plugin, nonce)


def test_a_switch_of_plugins_in_bytes():
    """0xFE, name, NUL, challenge, NUL; the last one may be missing."""
    assert auth_switch("native", NONCE) == b"\xfenative\x00" + NONCE + b"\x00"
    assert parse_auth_switch(b"\xfenative\x00" + NONCE) == AuthSwitch("native", NONCE)


@pytest.mark.parametrize("payload", [b"\xfe", b"\xfenative", b""])
def test_a_switch_without_a_whole_name_is_malformed(payload):
    """So is the bare form that asks for a password hash of MySQL 4.0."""
    assert isinstance(parse_auth_switch(payload), Malformed)


def test_more_data_follows_a_one():
    """AuthMoreData is one byte and what the plugin has to say."""
    assert auth_more_data(b"\x03") == b"\x01\x03"


def test_no_value_shows_its_secrets():
    """Challenges, proofs and attributes stay out of logs."""
    shown = [
        repr(parse_greeting(MYSQL)),
        repr(Login(0, 0, 0, "app", b"hunter2", attributes=((b"hunter2", b""),))),
        repr(ChangeUser("app", b"hunter2", None, None, "")),
        repr(AuthSwitch("native", b"hunter2")),
    ]
    assert not any("hunter2" in text or "abcdefgh" in text for text in shown)


@given(payload=st.binary(max_size=120), capabilities=st.integers(0, EVERYTHING))
def test_arbitrary_bytes_never_raise(payload, capabilities):
    """Whatever either side sends, each parser answers with a value or with Malformed."""
    assert isinstance(parse_greeting(payload), Greeting | Malformed)
    assert isinstance(parse_login(payload), Login | SslRequest | Malformed)
    assert isinstance(parse_change_user(payload, capabilities), ChangeUser | Malformed)
    assert isinstance(parse_auth_switch(payload), AuthSwitch | Malformed)


@given(login=logins(), cut=st.integers(0, 200), tail=st.binary(max_size=20))
def test_a_damaged_login_never_raises(login, cut, tail):
    """A login that ends too early, or in something else, is a value or Malformed."""
    answer = parse_login(login.encode()[:cut] + tail)
    assert isinstance(answer, Login | SslRequest | Malformed)


def test_a_name_may_not_be_long():
    """It is kept and logged before anything is proved."""
    long = "é" * (USER_LIMIT // 2)
    good = Login(EVERYTHING, 1 << 24, 45, long, b"", None, "")
    assert parse_login(good.encode()).user == long
    bad = attrs.evolve(good, user=long + "x")
    assert parse_login(bad.encode()).why == "a user's name of 513 bytes, 512 allowed"
    change = b"\x11" + b"x" * (USER_LIMIT + 1) + b"\x00\x00\x00"
    assert (
        parse_change_user(change, EVERYTHING).why == "a user's name of 513 bytes, 512 allowed"
    )
