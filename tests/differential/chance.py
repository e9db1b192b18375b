"""Scripts by chance over the vocabulary."""

from __future__ import annotations

import functools
import re

import attrs
from hypothesis import strategies as st

from tests.differential.script import (
    Close,
    Execute,
    Fetch,
    InitDb,
    LongData,
    Ping,
    Prepare,
    Query,
    Reset,
    ResetStatement,
    SetOption,
    Step,
)
from tests.differential.vocabulary import (
    CHARSETS,
    HOLDING,
    LEFTOVERS,
    OF_MARIADB,
    OF_MYSQL,
    PREPARED,
    ROUTINES,
    ROWS,
    SCHEMAS,
    TRANSACTIONS,
    USER_VARIABLES,
    VARIABLES,
)

NOWHERE = "test_diff_nowhere"
NEUTRAL = Query("SELECT 1 FROM u LIMIT 0")
UNSETTLING = {
    False: re.compile(r"update|(insert|replace).*select", re.IGNORECASE),
    True: re.compile(
        r"call|execute|begin not atomic|(insert|replace|create).*select|[^;]*;\s*\S",
        re.IGNORECASE,
    ),
}
NUMBERS = st.sampled_from((None, 1, 2, -5, 10**12))
TEXTS = st.sampled_from((None, "text", "7"))
VALUES = {
    "two": st.tuples(NUMBERS),
    "three": st.tuples(NUMBERS, TEXTS),
    "nine": st.tuples(NUMBERS),
    "eleven": st.tuples(NUMBERS, NUMBERS),
}
"""Parameters; of each statement the types are always the same: MySQL keeps the first ones."""


def _texts(*tables: str) -> tuple[str, ...]:
    return tuple(line for table in tables for line in table.strip().splitlines())


def _prepared() -> st.SearchStrategy[Step]:
    name = st.sampled_from(sorted(PREPARED))
    prepare = name.map(lambda one: Prepare(one, PREPARED[one]))
    texts = st.tuples(TEXTS, TEXTS)
    execute = name.flatmap(lambda one: st.builds(Execute, st.just(one), VALUES.get(one, texts)))
    with_cursor = execute.map(lambda step: attrs.evolve(step, cursor=True))
    return st.one_of(
        prepare,
        prepare,
        execute,
        execute,
        execute,
        with_cursor,
        st.builds(Fetch, name, st.integers(1, 3)),
        st.builds(Close, name),
        st.builds(ResetStatement, name),
        st.builds(LongData, st.just("eight"), st.just(0), st.just("long")),
    )


def script(*, mariadb: bool, schema: str, other: str) -> st.SearchStrategy[list[Step]]:
    """Scripts of twenty to sixty steps."""
    own = _texts(OF_MARIADB if mariadb else OF_MYSQL)
    weights = (
        (3, _texts(VARIABLES)),
        (1, _texts(CHARSETS)),
        (3, _texts(USER_VARIABLES)),
        (1, _texts(SCHEMAS)),
        (3, _texts(ROWS)),
        (3, _texts(LEFTOVERS)),
        (2, _texts(TRANSACTIONS)),
        (2, _texts(HOLDING)),
        (2, _texts(ROUTINES)),
        (1, own),
    )
    names = {"schema": schema, "other": other, "lock": schema}

    def named(text: str) -> Query:
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        return Query(text)

    parts: list[st.SearchStrategy[Step]] = []
    for weight, texts in weights:
        parts += [st.sampled_from(texts).map(named)] * weight
    parts += [_prepared()] * 3
    parts.append(
        st.one_of(
            st.sampled_from((schema, other, NOWHERE)).map(InitDb),
            st.just(Ping()),
            st.just(Reset()),
            st.booleans().map(SetOption),
        )
    )
    found = st.lists(st.one_of(parts), min_size=20, max_size=60).map(_with_known_statements)
    return found.map(functools.partial(_settled, mariadb=mariadb))


def _with_known_statements(script: list[Step]) -> list[Step]:
    """A script in which something else follows on a statement that is not there.

    MySQL adds such an error to those that are there already; the proxy knows the last one.
    """
    changed: list[Step] = []
    known: set[str] = set()
    for step in script:
        match step:
            case Prepare(name, text):
                known |= {name} if "nothing" not in text else set()
            case Close(name):
                known.discard(name)
            case Reset():
                known.clear()
        changed.append(step)
        if isinstance(step, Execute | Fetch | ResetStatement) and step.name not in known:
            changed.append(NEUTRAL)
    return changed


def _settled(script: list[Step], *, mariadb: bool) -> list[Step]:
    """A script in which a table is read behind what leaves more than can be seen from outside.

    MariaDB clears warnings only in statements that open tables, and nobody can see whether
    those that others run do, nor which of several in one text left what; FOUND_ROWS() after
    statements that do not select is in no manual, and in a new connection it is chance
    (docs/differences.rst).
    """
    changed: list[Step] = [NEUTRAL]
    for step in script:
        changed.append(step)
        if step == InitDb(NOWHERE):
            changed.append(NEUTRAL)
        text = PREPARED[step.name] if isinstance(step, Execute) else getattr(step, "text", "")
        if UNSETTLING[mariadb].match(text):
            changed.append(NEUTRAL)
    return changed
