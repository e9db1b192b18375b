"""What `mysqlproxy try` prints: how to see the proxy at work, in lines to copy."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator

from proxy.cli.crowd import SCHEMA
from proxy.cli.promoter import PROMOTION_SECONDS
from proxy.cli.trial_acts import TrialActs, load_words, own_words
from proxy.cli.trial_config import USER, Trial
from proxy.cli.trial_servers import address_of
from proxy.embedded import ReplicatedServers


def how_to(trial: Trial, keys: TrialActs | None) -> Iterator[str]:
    """The lines.

    Args:
        trial: That runs.
        keys: What single keys do; None where nobody can press any.
    """
    group = trial.servers.group
    yield "Open the dashboard:"
    yield f"  {trial.dashboard}"
    yield f"Start a load, in another terminal{_or_press(keys, 'l')}:"
    yield f"  {shlex.join(load_words(trial))}"
    yield "See it in the dashboard, or in a terminal:"
    yield _mysqlproxy(trial, "status", "--watch")
    if group is not None:
        yield from _how_to_fail_over(trial, group, keys)
    yield "Connect to the proxy yourself:"
    reach = f"-h 127.0.0.1 -P {trial.port} -u {USER} -p{trial.password} {SCHEMA}"
    yield f"  mysql {reach} -e 'SELECT @@version'"
    yield _python(trial, "c.execute('SELECT @@version'); print(c.fetchone())")
    yield "See its servers; mysqlproxy --help lists what else there is:"
    yield _mysqlproxy(trial, "targets")
    yield f"TLS is there too, by a certificate for this run: {trial.certificate.ca}"
    if keys is not None:
        yield f"Keys: {keys.described()}."
    yield "Ctrl-C ends all."


def _how_to_fail_over(
    trial: Trial, group: ReplicatedServers, keys: TrialActs | None
) -> Iterator[str]:
    yield f"Kill the primary{_or_press(keys, 'k')}; which process it is later, a line says:"
    yield f"  kill -9 {group.primary.pid}"
    yield "Clients wait then, stay connected, and go on with the other server. One that was"
    yield "in a transaction hears one error, with SQLSTATE 40001, and may begin again."
    yield f"What promotes the replica, {PROMOTION_SECONDS:g} s after the death, is a script"
    yield "of this trial: the proxy follows the tool that decides about that, and is none"
    yield "itself. The script then starts the dead server as a replica."
    yield f"Let the replica take the writes without an error for anybody{_or_press(keys, 'p')}:"
    yield _mysqlproxy(trial, "promote", address_of(group.replicas[0]))
    yield "Watch over one connection which server answers:"
    yield _python(
        trial,
        "[c.execute('SELECT @@port') and print(*c.fetchone(), flush=True) "
        "or time.sleep(0.2) for _ in iter(int, 1)]",
    )


def _or_press(keys: TrialActs | None, key: str) -> str:
    return "" if keys is None else f" (or press {key} here)"


def _python(trial: Trial, what: str) -> str:
    connect = (
        f"import pymysql, time; c = pymysql.connect(host='127.0.0.1', "
        f"port={trial.port}, user='{USER}', password='{trial.password}', "
        f"database='{SCHEMA}', autocommit=True).cursor()"
    )
    return f'  {shlex.quote(sys.executable)} -c "{connect}; {what}"'


def _mysqlproxy(trial: Trial, command: str, *words: str) -> str:
    return f"  {shlex.join([*own_words(), command, '--socket', trial.admin.path, *words])}"
