"""Tests of `proxy.config.admin_checks`."""

from __future__ import annotations

import pytest

from proxy.config.admin import AdminConfig, AdminTls, AdminToken
from proxy.config.admin_checks import find_faults_in_admin
from proxy.config.secret import Secret

REACHED = "tcp:8033:interface=0.0.0.0"
TOKEN = AdminToken(name="ci", token=Secret("0123456789abcdef"))
TLS = AdminTls(certificate="a", private_key="b")
MUTUAL = AdminTls(certificate="a", private_key="b", client_ca="c")


def faults(**settings):
    """Where the faults are, and what they are."""
    found = find_faults_in_admin(AdminConfig(**settings), ("admin",))
    return [(".".join(map(str, path)), why) for path, why in found]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"listen": "unix:/a"},
        {"listen": "tcp:1:interface=127.0.0.1"},
        {"listen": "tcp:1:interface=127.0.0.1", "tokens": (TOKEN,)},
        {"listen": ("unix:/a", REACHED), "tokens": (TOKEN,), "tls": TLS},
        {"listen": REACHED, "tls": MUTUAL},
        {"listen": REACHED, "tokens": (TOKEN,), "allow_clear_text": True},
        {"listen": REACHED, "tls": MUTUAL, "allow_clear_text": True},
    ],
)
def test_what_is_safe_has_no_fault(settings):
    """Nobody else reaches it, or who does is asked who it is, over TLS."""
    assert faults(**settings) == []


@pytest.mark.parametrize("settings", [{}, {"tokens": (TOKEN,)}, {"tls": TLS}])
def test_what_others_reach_needs_tls_and_something_to_show(settings):
    """Each alone is not enough, and the error says what is needed."""
    ((where, why),) = faults(listen=("unix:/a", REACHED), **settings)
    assert where == "admin.listen"
    assert why == (
        "tcp:8033:interface=0.0.0.0 can be reached by other machines, so it needs admin.tls, "
        "and admin.tokens or admin.tls.client_ca"
    )


def test_what_may_do_without_tls_needs_tokens_all_the_same():
    """In clear text nobody can show a certificate."""
    ((where, why),) = faults(listen=REACHED, allow_clear_text=True)
    assert where == "admin.listen"
    assert why.endswith("can be reached by other machines, so it needs admin.tokens")


@pytest.mark.parametrize(
    ("settings", "where", "why"),
    [
        ({"listen": ("unix:/a", "unix:/a")}, "admin.listen", "twice"),
        ({"tls": AdminTls(certificate="a")}, "admin.tls.private_key", "with certificate"),
        ({"tls": AdminTls(private_key="a")}, "admin.tls.certificate", "with private_key"),
        ({"tls": AdminTls(client_ca="a")}, "admin.tls.client_ca", "needs certificate"),
        ({"tokens": (TOKEN, TOKEN)}, "admin.tokens.1.name", "'ci' stands here"),
        ({"tokens": (AdminToken(name="ci"),)}, "admin.tokens.0", "and has none"),
        (
            {"tokens": (AdminToken(name="ci", token_file="a", token_env="b"),)},
            "admin.tokens.0",
            "and has token_file and token_env",
        ),
    ],
)
def test_what_does_not_go_together_is_found(settings, where, why):
    """With the setting to change."""
    ((found, said),) = faults(**settings)
    assert found == where
    assert why in said
