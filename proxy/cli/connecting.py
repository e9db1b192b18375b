"""Trying what a configuration points to elsewhere: secrets, and logins at targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.cli.serve import reactor
from proxy.config.model import Config
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.secrets_source import SecretsSource
from proxy.errors import BackendLostError
from proxy.failover.post import Post
from proxy.failover.probes import probe_for
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds
from proxy.net.backend import BackendProtocol
from proxy.observe.log import begin_twisted, configure
from proxy.pool.dial import Facts
from proxy.pool.pool import TargetPool
from proxy.service.assembly import Assembly, Shared, assemble


def try_logins(config: Config, users: Sequence[str]) -> bool:
    """Read all secrets and log in everywhere; says what came of it, and whether all went well.

    Args:
        config: Of a file that can be used.
        users: As whom to log in; nobody: as everybody who is known.
    """
    configure("console", "error")  # what matters is told here
    begin_twisted()
    threads = AwsThreads(reactor)
    shared = Shared(reactor, threads, Deadlines(reactor), None, ConnectionIds(), {})
    assemblies = [assemble(proxy, shared) for proxy in config.proxies]
    results: list[bool] = []
    mistakes: list[Failure] = []

    async def run() -> None:
        threads.start()
        for assembly in assemblies:
            assembly.read()
            results.append(await _Trying(assembly, users).run())
            assembly.stop()
        threads.stop()

    def begin() -> None:
        done = Deferred.fromCoroutine(run())
        done.addErrback(mistakes.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    for mistake in mistakes:
        mistake.raiseException()
    return all(results)


class _Trying:
    """Tries one proxy."""

    def __init__(self, assembly: Assembly, users: Sequence[str]) -> None:
        self._assembly = assembly
        self._proxy = assembly.proxy
        self._users = users

    async def run(self) -> bool:
        """Whether all went well."""
        credentials = self._proxy.credentials
        await credentials.find("")  # a stranger is known as one when all secrets have been read
        good = True
        for secret_id, why in self._troubles():
            click.echo(f"proxy {self._proxy.config.name}: secret {secret_id}: {why}")
            good = False
        users = self._users or credentials.users()
        if not users:
            click.echo(f"proxy {self._proxy.config.name}: nobody is known to log in as")
        for pool in self._pools():
            for user in users:
                good = await self._log_in(user, pool) and good
        if self._assembly.steward.watches:
            for post in self._assembly.steward.posts.values():
                good = await self._look(post) and good
        return good

    def _pools(self) -> list[TargetPool]:
        """Those of all targets, in all sets."""
        sets = self._assembly.steward.sets().values()
        return [self._proxy.pools.get(target) for targets in sets for target in targets]

    def _troubles(self) -> Iterator[tuple[str, str]]:
        for source in self._assembly.sources:
            if isinstance(source, SecretsSource):
                yield from source.troubles()

    async def _log_in(self, user: str, pool: TargetPool) -> bool:
        where = f"proxy {self._proxy.config.name}: user {user} at {pool.place}"
        backend: BackendProtocol
        facts: Facts
        try:
            backend, facts = await pool.accounts.log_in(user, 0, pool.dialer.dial)
        except BackendLostError as error:
            click.echo(f"{where}: {error}")
            return False
        version = facts.greeting.version.removeprefix("5.5.5-")  # see `version_number`
        way = backend.tls_version or "no TLS"
        click.echo(f"{where}: logged in, {facts.kind.value} {version}, {way}")
        backend.quit()
        return True

    async def _look(self, post: Post) -> bool:
        """Look at a target as its monitor will."""
        where = f"proxy {self._proxy.config.name}: monitor at {post.name}"
        try:
            backend = await post.log_in()
            seen = await probe_for(self._proxy.config.target_group.topology).look(backend)
        except BackendLostError as error:
            click.echo(f"{where}: {error}")
            return False
        backend.quit()
        takes = {True: "takes writes", False: "takes no writes", None: "takes writes or not"}
        said = [takes[seen.writable], seen.why, *(f"cannot see {one}" for one in seen.unseen)]
        click.echo(f"{where}: {'; '.join(filter(None, said))}")
        return True
