"""Tests of `proxy.credentials.iam.sts`."""

import re
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from proxy.credentials.iam.hosts import AcceptedHosts, read_hosts
from proxy.credentials.iam.identity import ask
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.sts import (
    LOGIN_HEADER,
    StsRequest,
    StsToken,
    check_sts_token,
    make_sts_token,
    read_sts_token,
    sts_endpoints,
)

REGION = "eu-central-1"
HOST = "proxy.example.com"
OURS = read_hosts(["proxy.example.com:3306"])
AWS = sts_endpoints(REGION)


@pytest.fixture(scope="session")
def make(session_of, lasting_key):
    """Make a token."""

    def token(user="app", key=lasting_key, host=HOST, port=3306, region=REGION, at=None):
        return make_sts_token(session_of(key), host, port, user, region, at)

    return token


def check(text, user="app", hosts=OURS, endpoints=AWS, after=10.0):
    """Read a token, and check it so many seconds after it was signed."""
    token = read_sts_token(text)
    if isinstance(token, Refused):
        return token
    now = token.presigned.signed_at + after
    return check_sts_token(token, user, hosts, endpoints, now)


def accepts(text, request, key):
    """Say whether STS would find the signature good in a request that it gets."""
    presigned = read_sts_token(text).presigned
    headers = {"host": urlsplit(request.url).netloc, **request.headers}
    return presigned.is_signed_with(key.secret_access_key.reveal(), headers)


def test_a_token_is_a_request_to_sts_and_the_name_of_the_proxy(make):
    """It has the form of a token for a database, and what it is for behind it."""
    token = make()
    assert token.startswith("sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=")
    assert "&X-Amz-SignedHeaders=host%3Bx-mysqlproxy-login&" in token
    assert re.search("&X-Amz-Signature=[0-9a-f]{64}#proxy.example.com:3306$", token)


@pytest.mark.parametrize("key", ["lasting_key", "temporary_key"])
def test_what_is_sent_on_is_what_was_signed(make, key, request):
    """STS finds the signature good, with and without a session token."""
    key = request.getfixturevalue(key)
    text = make(key=key)
    sent = check(text)
    assert isinstance(sent, StsRequest)
    assert sent.url == f"https://{text.partition('#')[0]}"
    assert sent.headers == {LOGIN_HEADER: "proxy.example.com:3306/app"}
    assert accepts(text, sent, key)


@given(user=st.text(max_size=20))
def test_a_token_is_bound_to_its_user(make, lasting_key, user):
    """Whoever else logs in with it makes another header, whose signature STS refuses."""
    text = make(user)
    assert accepts(text, check(text, user), lasting_key)
    for other in (user + " ", " " + user, user + "x", user + "\n"):
        assert not accepts(text, check(text, other), lasting_key)


def test_a_token_is_bound_to_its_proxy(make, lasting_key):
    """The name behind it can be exchanged, but what was signed cannot."""
    text = make(host="other.example.com")
    assert "other.example.com:3306, which is not our" in check(text).reason
    moved = text.replace("#other.example.com", "#proxy.example.com")
    assert not accepts(moved, check(moved), lasting_key)
    assert accepts(text, check(text, hosts=AcceptedHosts()), lasting_key)


def test_the_endpoints_of_aws_depend_on_the_region():
    """The global one is for those who are in the ordinary part of AWS."""
    assert AWS.hosts == {"sts.amazonaws.com", "sts.eu-central-1.amazonaws.com"}
    assert sts_endpoints("cn-north-1").hosts == {"sts.cn-north-1.amazonaws.com.cn"}
    assert sts_endpoints("us-gov-west-1").hosts == {"sts.us-gov-west-1.amazonaws.com"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://vpce-1.sts.eu-central-1.vpce.amazonaws.com/", None),
        ("https://sts.example:8443", "sts.example:8443"),
        ("https://STS.example:443", "sts.example"),
        ("http://[::1]:5000", "[::1]:5000"),
    ],
)
def test_an_endpoint_of_the_configuration_is_the_only_one(make, lasting_key, url, host):
    """Tokens for AWS's own are refused then, and those for it are good."""
    endpoints = sts_endpoints(REGION, url)
    host = host or urlsplit(url).netloc
    assert endpoints.hosts == {host}
    text = make(at=url)
    sent = check(text, endpoints=endpoints)
    assert sent.url.startswith(f"{url.partition(':')[0]}://{host}/?Action=")
    assert accepts(text, sent, lasting_key)
    assert "none of the endpoints" in check(make(), endpoints=endpoints).reason


@pytest.mark.parametrize(
    "url",
    [
        "sts.example",
        "ftp://sts.example",
        "https://",
        "https://user@sts.example",
        "https://sts.example/path",
        "https://sts.example?x=1",
        "https://sts.example#x",
        "https://sts.example:port",
    ],
)
def test_an_endpoint_is_a_scheme_and_a_host(url):
    """Anything more is a mistake."""
    with pytest.raises(ValueError, match=r"endpoint|[Pp]ort"):
        sts_endpoints(REGION, url)


def test_the_global_endpoint_has_its_own_region(make, lasting_key):
    """A token for it is signed for us-east-1."""
    there = "https://sts.amazonaws.com"
    text = make(region="us-east-1", at=there)
    assert accepts(text, check(text), lasting_key)
    assert "eu-central-1, and not for us-east-1" in check(make(at=there)).reason


def test_each_bad_token_is_refused_with_its_own_reason(make, sign, lasting_key):
    """Before anything is sent, and without quoting the token."""
    good = make()
    url = good.partition("#")[0]
    bad = [
        ("not a token", "hunter2"),
        ("longer than", good.replace("#", "x" * 20_000 + "#")),
        ("not for Action=GetCallerIdentity", good.replace("GetCaller", "GetOther")),
        ("not for Version=2011-06-15", good.replace("2011-06-15", "2012-06-15")),
        ("no parameter Version", sign(lasting_key) + "#proxy.example.com:3306"),
        ("twice", url + "&Action=GetSessionToken#proxy.example.com:3306"),
        ("does not belong", url + "&action=GetSessionToken#proxy.example.com:3306"),
        ("signed headers", good.replace("host%3Bx-mysqlproxy-login", "host")),
        ("service sts", good.replace("%2Fsts%2F", "%2Fiam%2F")),
        ("1 to 900 seconds", good.replace("Expires=900", "Expires=3600")),
        ("no #host:port", url),
        ("another end than #host:port", url + "#proxy.example.com"),
        ("another end than #host:port", url + "#proxy.example.com:65536"),
        ("another end than #host:port", url + "#proxy.example.com:3306\r\nX: y"),
        ("another end than #host:port", good + "#x"),
        ("none of the endpoints", good.replace("sts.eu", "sts.evil.eu", 1)),
        ("none of the endpoints", "127.0.0.1" + good[good.index("/") :]),
        ("none of the endpoints", make(at="https://sts.us-east-1.amazonaws.com")),
        ("none of the endpoints", good.replace(".com/", ".com:8443/", 1)),
        ("region us-east-1, and not", good.replace("eu-central-1%2F", "us-east-1%2F")),
        ("not our name", make(port=3307)),
        ("not a token", good.replace("sts.eu", "x@sts.eu", 1)),
    ]
    for reason, text in bad:
        refused = check(text)
        assert isinstance(refused, Refused), reason
        assert reason in refused.reason
        assert text not in refused.reason
        assert good[-90:-30] not in refused.reason
    assert "expired" in check(good, after=900).reason
    assert "future" in check(good, after=-301).reason


@given(data=st.data())
def test_no_character_of_a_token_can_be_changed(make, lasting_key, data):
    """A change is found here, or by STS, but for the case of the host that it is sent to."""
    text = make()
    position = data.draw(st.integers(0, len(text) - 1))
    changed = (
        text[:position]
        + data.draw(st.characters(min_codepoint=1, max_codepoint=0x17F))
        + text[position + 1 :]
    )
    if changed == text or (position < text.index("/") and changed.lower() == text.lower()):
        return
    for hosts in (OURS, AcceptedHosts()):
        sent = check(changed, hosts=hosts)
        assert isinstance(sent, Refused) or not accepts(changed, sent, lasting_key)


def test_without_credentials_there_is_no_token(bare_session, monkeypatch):
    """The error is that of botocore."""
    monkeypatch.setattr(bare_session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentialsError):
        make_sts_token(bare_session, HOST, 3306, "app", REGION)


def test_a_token_shows_nothing_that_would_let_somebody_in(make, temporary_key):
    """Neither does what is sent to STS: its URL is the token."""
    text = make(key=temporary_key)
    token = read_sts_token(text)
    assert isinstance(token, StsToken)
    assert "proxy.example.com" in repr(token)
    for shown in (repr(token), repr(check(text))):
        for hidden in (
            token.presigned.signature,
            token.query,
            temporary_key.access_key_id,
            temporary_key.session_token.reveal(),
        ):
            assert hidden not in shown


@pytest.mark.loopback
@pytest.mark.parametrize("key", ["lasting_key", "temporary_key"])
def test_the_request_that_arrives_is_the_one_that_was_signed(make, stand, key, request):
    """Nothing on the way changes a byte of what the signature is about."""
    key = request.getfixturevalue(key)
    text = make("app user", key=key, at=stand.url)
    sent = check(text, "app user", endpoints=sts_endpoints(REGION, stand.url))
    stand.respond(403, b"")
    assert isinstance(ask(sent.url, sent.headers), Refused)
    (arrived,) = stand.requests
    path = arrived.split()[1]
    headers = dict(line.split(": ", 1) for line in arrived.strip().split("\r\n")[1:])
    assert path == f"/?{text.partition('#')[0].partition('?')[2]}"
    signed = {"host": headers["Host"], LOGIN_HEADER: headers[LOGIN_HEADER]}
    presigned = read_sts_token(f"{headers['Host']}{path}#{HOST}:3306").presigned
    assert presigned.is_signed_with(key.secret_access_key.reveal(), signed)
