"""Tests of `proxy.front.audit`."""

import pytest
from structlog.testing import capture_logs

from proxy.config.auth import IamAuth
from proxy.config.tls import Certificate, ClientTls
from proxy.embedded.certificates import self_signed
from proxy.front.audit import PROGRAM_LIMIT, program
from proxy.front.proof import Claim
from proxy.wire.auth import CACHING_SHA2, CLEAR
from proxy.wire.constants import Capability
from proxy.wire.framing import encode
from proxy.wire.greeting import Login, parse_greeting
from tests.support.memory import NATIVE, USERS, Stage
from tests.support.passwords import Passwords, Tokens, credential
from tests.support.scripted import CLIENT_CAPABILITIES, error, login_packet

THERE = "203.0.113.9"
TOKEN = "db.example:3306/?Action=connect&X-Amz-Credential=AKIA&X-Amz-Signature=abc"
ANA = "arn:aws:iam::123456789012:user/ana"


@pytest.fixture
def stage():
    """A proxy that tells of all logins."""
    stage = Stage()
    stage.proxy.logged_logins = "all"
    return stage


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """What the proxy shows its clients."""
    files = self_signed().write(tmp_path_factory.mktemp("tls"))
    shown = Certificate(certificate=str(files.certificate), private_key=str(files.key))
    return ClientTls(certificates=(shown,))


def told(lines):
    """The lines on logins, without what only the proxy needs."""
    return [
        {name: value for name, value in line.items() if not name.startswith("_")}
        for line in lines
        if line["event"].startswith(("a login", "a client l"))
    ]


def claim(*attributes):
    """A claim with attributes."""
    return Claim("app", NATIVE, b"", None, 45, attributes=attributes)


def test_who_comes_and_goes_is_told(stage):
    """From where, as whom, how, and how long it stayed."""
    with capture_logs() as lines:
        peer = stage.client(THERE)
        stage.run(5)
        peer.leave()
    came, left = told(lines)
    number = came["client"]
    assert came == {
        "event": "a client logged in",
        "log_level": "info",
        "proxy": stage.proxy.config.name,
        "client": number,
        "endpoint": "main",
        "address": THERE,
        "user": "app",
        "how": NATIVE,
    }
    assert (left["event"], left["log_level"], left["client"]) == (
        "a client left",
        "info",
        number,
    )
    assert (left["user"], left["endpoint"], left["address"]) == ("app", "main", THERE)
    assert left["seconds"] == 5
    assert left["why"]


def test_the_schema_is_told(stage):
    """What the client wants to use stands beside who it is."""
    with capture_logs() as lines:
        stage.client(schema=b"shop")
    (came,) = told(lines)
    assert (came["event"], came["schema"]) == ("a client logged in", "shop")


def test_another_user_is_another_login(stage):
    """COM_CHANGE_USER has a line with the new user."""
    peer = stage.client()
    with capture_logs() as lines:
        peer.change_user()
        peer.change_user("wrong")
    assert [(line["event"], line["user"]) for line in told(lines)] == [
        ("a client logged in", "other"),
        ("a login was refused", "other"),
        ("a client left", "other"),
    ]


@pytest.mark.parametrize(
    ("setting", "events"),
    [
        ("none", []),
        ("failed", [("a login was refused", "warning"), ("a client left", "debug")]),
        (
            "all",
            [
                ("a client logged in", "info"),
                ("a login was refused", "warning"),
                ("a client left", "info"),
            ],
        ),
    ],
)
def test_the_setting_says_which(stage, setting, events):
    """None, those that failed, or all; it can be changed at any time."""
    stage.proxy.logged_logins = setting
    with capture_logs() as lines:
        peer = stage.client()
        stage.connect().log_in(password="wrong")
        peer.leave()
    if setting == "none":
        events = [("a client left", "debug")]
    assert [(line["event"], line["log_level"]) for line in told(lines)] == events


def test_only_an_audit_has_every_line_in_a_flood(stage):
    """Guesses are a flood, unless all logins are wanted."""
    found = []
    for setting in ("failed", "all"):
        stage.proxy.logged_logins = setting
        with capture_logs() as lines:
            stage.connect().log_in(password="wrong")
        found += ["_every_line" in line for line in lines if "why" in line]
    assert found == [False, True]


def test_a_refusal_has_its_reason_and_no_secret(stage):
    """What was shown is nowhere."""
    with capture_logs() as lines:
        stage.connect(THERE).log_in(password="hunter2")
    (line,) = told(lines)
    assert (line["why"], line["how"], line["address"]) == ("wrong password", NATIVE, THERE)
    assert "hunter2" not in str(lines)


def test_no_database_is_told_with_its_reason():
    """A login that was right, and of no use."""
    stage = Stage()
    stage.servers.routines[b"\x02no\x1bwhere"] = lambda _side: [
        error(1049, "42000", b"Unknown database").encode()
    ]
    for setting in ("none", "failed"):
        stage.proxy.logged_logins = setting
        with capture_logs() as lines:
            stage.connect().log_in(schema=b"no\x1bwhere")
        found = told(lines)
        assert len(found) == (setting != "none")
    assert found[0]["event"] == "a login found no database"
    assert (found[0]["schema"], found[0]["how"]) == ("no?where", NATIVE)
    assert "Unknown database" in found[0]["why"]


@pytest.mark.parametrize(
    ("plugin", "text", "how"),
    [
        (CACHING_SHA2, "secret", f"{CACHING_SHA2}, in full by TLS"),
        (CLEAR, "secret", CLEAR),
        (CLEAR, TOKEN, f"{CLEAR}, an IAM token"),
    ],
)
def test_the_way_of_a_proof_is_told(tls, plugin, text, how):
    """By TLS, with its version, and whether a token or a password was shown."""
    users = Passwords(credential("may", plugin="", iam_auth=IamAuth.ENABLED))
    tokens = Tokens((TOKEN, "may"), principal=ANA)
    stage = Stage(proxy={"tls": tls}, credentials=users, tokens=tokens)
    stage.proxy.logged_logins = "all"
    peer = stage.connect(THERE)
    peer.start_tls()
    (greeting,) = peer.payloads()
    with capture_logs() as lines:
        if plugin == CLEAR:
            proof = text.encode() + b"\x00"
            peer.send(login_packet(greeting, "may", plugin=CLEAR, proof=proof, sequence=2))
        else:
            packet = login_packet(greeting, "may", plugin=plugin, proof=b"x" * 32, sequence=2)
            peer.send(packet)
            peer.send(encode(text.encode() + b"\x00", 4))
    found = told(lines)
    assert (found[-1]["event"], found[-1]["how"]) == ("a client logged in", how)
    assert found[-1]["tls"].startswith("TLSv1.")
    assert (found[-1].get("principal") == ANA) is (text == TOKEN)
    assert [line["event"] for line in found].count("a login by a token") == (text == TOKEN)
    assert text not in str(lines)


def test_tokens_have_no_line_where_none_is_wanted(tls):
    """With `none` a login by a token has none either."""
    users = Passwords(credential("may", plugin="", iam_auth=IamAuth.ENABLED))
    tokens = Tokens((TOKEN, "may"), principal=ANA)
    stage = Stage(proxy={"tls": tls}, credentials=users, tokens=tokens)
    stage.proxy.logged_logins = "none"
    peer = stage.connect(THERE)
    peer.start_tls()
    (greeting,) = peer.payloads()
    with capture_logs() as lines:
        proof = TOKEN.encode() + b"\x00"
        peer.send(login_packet(greeting, "may", plugin=CLEAR, proof=proof, sequence=2))
    assert stage.counters.client_connections_setup_succeeded == 1
    assert told(lines) == []


@pytest.mark.parametrize(
    ("address", "way"), [(None, "in full by a unix socket"), (THERE, "in full by RSA")]
)
def test_how_a_password_was_hidden_is_told(address, way):
    """Without TLS it goes by a unix socket, or hidden by the proxy's own key."""
    stage = Stage(credentials=Passwords(credential("app", plugin=CACHING_SHA2)))
    stage.proxy.rsa_key = Key()
    peer = stage.connect(address)
    (greeting,) = peer.payloads()
    with capture_logs() as lines:
        peer.send(login_packet(greeting, plugin=CACHING_SHA2, proof=b"x" * 32))
        peer.send(encode(b"wrong\x00" * 20, 3))
    (line,) = told(lines)
    assert line["how"] == f"{CACHING_SHA2}, {way}"


class Key:
    """An RSA key to which everything that is sent means nothing."""

    public_pem = b"pem"

    def decrypt(self, _data):
        """Nothing fits."""
        return


def test_who_does_not_get_as_far_as_a_proof_shows_no_way():
    """A client that may not come from there is asked for none."""
    stage = Stage(proxy={"allowed_networks": ("10.0.0.0/8",)})
    with capture_logs() as lines:
        stage.connect(THERE).log_in()
    (line,) = told(lines)
    assert line["user"] == "app"
    assert "how" not in line


def test_the_program_is_told(stage):
    """What a client says of its program stands in the line of its login."""
    peer = stage.connect()
    (greeting,) = peer.payloads()
    flags = CLIENT_CAPABILITIES | Capability.CONNECT_ATTRS
    login = Login(
        capabilities=int(flags),
        max_packet=1 << 24,
        collation=45,
        user="app",
        auth_response=scrambled(greeting),
        plugin=NATIVE,
        attributes=((b"_os", b"Linux"), (b"program_name", b"mysqldump")),
    )
    with capture_logs() as lines:
        peer.send(encode(login.encode(), 1))
    (line,) = told(lines)
    assert line["program"] == "mysqldump"


def scrambled(greeting):
    """The proof of the password of `USERS`."""
    from proxy.wire.auth import native

    (password,) = USERS["app"].passwords
    return native.scramble(password, parse_greeting(greeting).nonce)


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ((), ""),
        (((b"_pid", b"7"),), ""),
        (((b"_client_name", b"libmysql"),), "libmysql"),
        (((b"_client_name", b"libmysql"), (b"program_name", b"app")), "app"),
        (((b"program_name", b"a\x1b[2J\nb\xff"),), "a?[2J?b\ufffd"),
        (((b"program_name", b"x" * 60_000),), "x" * PROGRAM_LIMIT),
    ],
)
def test_a_programs_name_is_bounded_and_clean(attributes, name):
    """The name comes from anybody: no control characters, and not long."""
    assert program(claim(*attributes)) == name
