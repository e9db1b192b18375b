import attrs

from proxy.config.secret import Secret


def test_shows_nothing_of_itself():
    """No way of printing a secret shows its text."""
    secret = Secret("hunter2")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret):  # noqa: UP031 - the old way is one of the ways
        assert "hunter2" not in shown
    assert repr(secret) == "Secret(***)"


def test_survives_asdict_unopened():
    """attrs.asdict leaves a secret closed, where it would walk into an attrs value."""

    @attrs.frozen
    class Holder:
        password: Secret

    assert "hunter2" not in str(attrs.asdict(Holder(Secret("hunter2"))))


def test_is_a_value():
    """Secrets with the same text are equal, hash alike, and are nothing like a text."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"), Secret("a")} == {Secret("a")}


def test_reveals_on_request():
    """Only reveal() gives the text."""
    assert Secret("hunter2").reveal() == "hunter2"
