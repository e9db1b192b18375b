import pytest

from proxy.wire.auth import CACHING_SHA2, CLEAR, NATIVE, SHA256, make_prover, make_verifier
from proxy.wire.auth.caching_sha2 import CachingSha2Prover, CachingSha2Verifier
from proxy.wire.auth.clear import ClearProver, ClearVerifier
from proxy.wire.auth.native import NativeProver, NativeVerifier
from proxy.wire.auth.sha256 import Sha256Prover
from proxy.wire.auth.steps import Accepted, Send, Shown

NONCE = b"abcdefghijklmnopqrst"


def test_plugins_have_the_names_of_the_protocol():
    """The names are what greetings and switch requests carry."""
    assert (CACHING_SHA2, NATIVE) == ("caching_sha2_password", "mysql_native_password")
    assert CLEAR == "mysql_clear_password"


def test_a_prover_is_of_the_plugin_that_the_server_names():
    """Each known name has its prover, any other none."""
    assert isinstance(make_prover(CACHING_SHA2, "secret", secure=True), CachingSha2Prover)
    assert isinstance(make_prover(NATIVE, "secret", secure=False), NativeProver)
    assert isinstance(make_prover(CLEAR, "secret", secure=True), ClearProver)
    assert isinstance(make_prover(SHA256, "secret", secure=True), Sha256Prover)
    assert make_prover("client_ed25519", "secret", secure=True) is None
    assert make_prover("", "secret", secure=True) is None


@pytest.mark.parametrize(
    ("plugin", "kind"),
    [(CACHING_SHA2, CachingSha2Verifier), (NATIVE, NativeVerifier), (CLEAR, ClearVerifier)],
)
def test_a_verifier_is_of_the_plugin_that_we_name(plugin, kind):
    """Each plugin has its verifier, which says its name."""
    verifier = make_verifier(plugin, ("secret",), NONCE, key=None, secure=False)
    assert isinstance(verifier, kind)
    assert verifier.plugin == plugin


@pytest.mark.parametrize(
    ("plugin", "verdict"),
    [
        (CACHING_SHA2, Send(b"\x03", final=True)),
        (NATIVE, Accepted()),
        (CLEAR, Shown("secret")),
    ],
)
def test_prover_and_verifier_of_a_plugin_fit(plugin, verdict):
    """What the one sends first lets the other accept."""
    prover = make_prover(plugin, "secret", secure=False)
    verifier = make_verifier(plugin, ("old", "secret"), NONCE, key=None, secure=False)
    assert verifier.receive(prover.begin(NONCE)) == verdict


@pytest.mark.parametrize("secure", [True, False])
def test_whether_others_can_read_along_is_handed_on(secure):
    """Only who is sure of the line sends, or takes, the password itself."""
    prover = make_prover(CACHING_SHA2, "secret", secure=secure)
    prover.begin(NONCE)
    assert (prover.receive(b"\x04") == Send(b"secret\x00")) is secure
    verifier = make_verifier(CACHING_SHA2, ("secret",), NONCE, key=None, secure=secure)
    assert (verifier.receive(b"wrong") == Send(b"\x04")) is secure


@pytest.mark.parametrize("shows", [True, False])
def test_whether_a_token_may_come_is_handed_on(shows):
    """Only then is a text given out that is no password."""
    verifier = make_verifier(CACHING_SHA2, ("x",), NONCE, key=None, secure=True, shows=shows)
    verifier.receive(b"a scramble")
    assert (verifier.receive(b"token\x00") == Shown("token")) is shows
