"""What the manual quotes of the proxy, and examples that have to fit together."""

from __future__ import annotations

import ast
import re
import textwrap
import time
from functools import cache
from pathlib import Path

import botocore.session
import pytest

from proxy.config.load import load_config
from proxy.credentials.iam.document import load_policies
from proxy.credentials.iam.keys import read_access_keys
from proxy.credentials.iam.token import make_token
from proxy.credentials.iam.verify import IamSettings, TokenVerifier
from proxy.observe.metrics import ProxyCollector, make_registry

ROOT = Path(__file__).resolve().parent.parent
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.rst"))}
ADDRESS = "192.0.2.1"

# What is said

NOT_OURS = {
    "peer did not return a certificate",
    "tlsv1 alert unknown ca",
    "tls alert bad certificate",
    "tls alert certificate expired",
}
"""Reasons that are OpenSSL's own words."""

ATTRIBUTES = {"user", "address", "why", "last_failure"}
"""What a log line has beside its message."""


@cache
def said():
    """Patterns of all texts of the proxy that are long enough to tell something."""
    patterns = set()
    for path in (ROOT / "proxy").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                patterns.add(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                pieces = [piece_of(value) for value in node.values]
                if len("".join(pieces).replace("(.+)", "")) > len("denied by"):
                    patterns.add("".join(pieces))
    return [re.compile(pattern) for pattern in patterns]


def piece_of(value):
    """The pattern of a piece of an f-string: what stands there, or anything."""
    return re.escape(value.value) if isinstance(value, ast.Constant) else "(.+)"


def is_said(text):
    """Whether the proxy says this; a sentence at its end, behind a colon, is one of its own."""
    if text in NOT_OURS:
        return True
    for pattern in said():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        last = found.groups()[-1] if found.groups() else ""
        is_sentence = " " in last and text.endswith(f": {last}")
        if not is_sentence or is_said(last):
            return True
    return False


def column(page, header):
    """The texts that are quoted in the column of a table with this header."""
    (table,) = (
        table
        for table in re.split(r"^\.\. list-table::\n", PAGES[page], flags=re.MULTILINE)
        if f"- {header}\n" in table
    )
    rows = re.findall(r"^   \* (- .*\n(?:     .*\n)*)", table, re.MULTILINE)
    titles, *others = [
        [cell.strip() for cell in re.split(r"^ *- ", row, flags=re.MULTILINE)[1:]]
        for row in rows
    ]
    place = titles.index(header)
    return [text for cells in others for text in re.findall(r"``(.+?)``", cells[place])]


def quoted():
    """Name each text that a page says the log has, with its page."""
    tables = {
        "credentials": "What the log says",
        "logging": "Message",
        "security": "What the log or ``check-config --connect`` says",
    }
    for page, header in tables.items():
        texts = column(page, header)
        assert len(texts) > 10
        for text in texts:
            # `why='...'` shows what a database says.
            if text not in ATTRIBUTES and not text.startswith("why="):
                yield page, text
    for page, content in PAGES.items():
        for text in re.findall(r"^ +\[[a-z]+ *\] (.+?)\s+\w+=", content, re.MULTILINE):
            yield page, text


@pytest.mark.parametrize(("page", "text"), list(quoted()))
def test_what_the_manual_quotes_is_said(page, text):
    """Each message and each reason in a table of troubles, and in a line of the log."""
    assert is_said(text), page


@pytest.mark.parametrize(
    "text",
    [
        "the certificate of a client is refused",
        "TLS with the target failed: the certificate is out of fashion",
        "the token expired long ago",
    ],
)
def test_what_is_not_said_is_found(text):
    """A sentence of which only the beginning is the proxy's is none of its own."""
    assert not is_said(text)


def test_series_in_the_manual_are_there():
    """Every metric has its name as it is scraped."""
    names = set(re.findall(r"``(mysqlproxy_\w+)``", "".join(PAGES.values())))
    assert "mysqlproxy_secret_age_seconds" in names
    collector = ProxyCollector()
    there = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in make_registry(collector).collect()
    }
    assert names <= there


def test_modules_in_the_manual_are_there():
    """The page about the architecture follows when one gets another name."""
    text = PAGES["architecture"]
    tokens = text.partition("``iam/``")[2].partition("\n\n")[0]
    names = {
        *re.findall(r"``((?:\w+/)*\w+\.py)``", text),
        *(f"iam/{name}.py" for name in re.findall(r"``(\w+)``", tokens)),
    }
    assert {"net/client_tls.py", "iam/used_tokens.py"} <= names
    paths = ["/" + path.relative_to(ROOT).as_posix() for path in (ROOT / "proxy").rglob("*.py")]
    assert [
        name for name in names if not any(path.endswith("/" + name) for path in paths)
    ] == []


# Examples


def example_keys():
    """The file of access keys in the manual."""
    (block,) = re.findall(
        r"^   access_keys:\n(?:    .*\n)+", PAGES["credentials"], flags=re.MULTILINE
    )
    return read_access_keys(textwrap.dedent(block))


def no_thread(*_):
    raise AssertionError


@pytest.fixture(scope="module")
def log_in():
    """Bring a token of somebody to the proxy of the examples; what comes of it."""
    (proxy,) = load_config(ROOT / "etc" / "mysqlproxy-iam.yaml").proxies
    settings = IamSettings(
        region=proxy.aws.region,
        resource_id=f"prx-{proxy.name}",
        hosts=proxy.iam.hosts,
        account=proxy.iam.account,
        method=proxy.iam.verification,
    )
    (policy,) = proxy.iam.policy_files
    policies = load_policies([ROOT / "etc" / policy])
    keys = {key.principal.partition(":user/")[2]: key for key in example_keys().values()}
    verifier = TokenVerifier(
        settings, example_keys(), policies, run_in_thread=no_thread, now=time.time
    )
    host, port = proxy.iam.hosts[0].split(":")

    def verdict(name, user):
        key = keys[name]
        session = botocore.session.Session()
        session.set_credentials(key.access_key_id, key.secret_access_key.reveal())
        token = make_token(session, host, int(port), user, settings.region)
        return verifier.verify(token, user, ADDRESS).result

    return verdict


@pytest.mark.parametrize(
    ("name", "user", "reason"),
    [
        ("shop", "app", "allowed by statement 'ShopLogsInAsApp' of "),
        ("people/ana", "report_sales", "allowed by statement 'PeopleReadReports' of "),
        ("people/ana", "app", "no statement allows rds-db:connect on "),
        ("shop", "report_sales", "no statement allows rds-db:connect on "),
        ("shop", "admin", "denied by statement 'NobodyIsAdmin' of "),
    ],
)
def test_the_examples_of_tokens_fit_together(log_in, name, user, reason):
    """Keys of the manual, the policy and the configuration let in whom they are to, as whom."""
    verdict = log_in(name, user)
    assert verdict.reason.startswith(reason)
    assert verdict.allowed is reason.startswith("allowed")
