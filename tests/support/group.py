"""A proxy in front of several scripted targets, on one clock: what looks see, a test decides.

`Group` has the hosts, their pools, a steward, operations and clients; `Fed` is a monitor that
is fed by hand.
"""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import EndpointConfig, Target, TargetGroup
from proxy.config.pool import ConnectionPoolConfig
from proxy.credentials.static import StaticSource
from proxy.dialogue.backend import Account
from proxy.failover.operations import GroupOperations
from proxy.failover.steward import Steward
from proxy.front.admission import Admission
from proxy.front.deadlines import Deadlines
from proxy.front.listener import ClientFactory
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger
from proxy.policy.observation import Failure, Look
from proxy.policy.standing import OperationRefusedError
from proxy.pool.accounts import Accounts
from proxy.pool.pool import TargetPool
from proxy.pool.registry import Pools
from proxy.pool.route import Route
from proxy.vocabulary import Role
from proxy.wire.responses import Err
from tests.support.host import Host
from tests.support.memory import USERS, Peer, make_config
from tests.support.memory import parse as parse_reply
from tests.support.servers import memory_dialer


class Fed:
    """A monitor that a test feeds.

    Attributes:
        is_hasty: Whether it was told to hurry.
        running: Whether it looks.
        hints: How often it was asked to look soon.
    """

    def __init__(self, target, on_look, on_doubt):
        self.target = target
        self.on_look, self.on_doubt = on_look, on_doubt
        self.is_hasty = self.running = False
        self.hints = 0

    def start(self):
        """See `Monitor`."""
        self.running = True

    def stop(self):
        """See `Monitor`."""
        self.running = False

    def look_soon(self):
        """See `Monitor`."""
        self.hints += 1

    def hurry(self, *, hasty):
        """See `Monitor`."""
        self.is_hasty = hasty


class FedWatch:
    """Makes monitors that a test feeds, and logs in to hosts.

    Attributes:
        made: Every monitor that was ever made.
    """

    def __init__(self, group):
        self._group = group
        self.made = []

    def monitor(self, target, on_look, on_doubt):
        """See `Watch`."""
        self.made.append(Fed(target, on_look, on_doubt))
        return self.made[-1]

    def log_in(self, target):
        """See `Watch`."""
        connector = self._group.connector(target)
        return lambda: connector.connect(Account("monitor", "secret"))


class Group:
    """See the module.

    Attributes:
        hosts: By address.
        ordered: All orders to all of them, with the addresses, in order.
        steward: Who watches them.
        operations: What operators can do.
        watch: Who makes the monitors.
    """

    def __init__(
        self,
        *names,
        topology=Topology.REPLICATION,
        sets=(),
        roles=None,
        pool=None,
        watch=None,
        own_writes=None,
        **failover,
    ):
        """The first of `names` takes writes, the others replicate from it.

        Args:
            names: Of the hosts that are the targets.
            topology: Of the group.
            sets: Other sets of targets.
            roles: Of targets, by name.
            pool: Settings of their pools.
            watch: Makes the watch, from the group; else monitors are fed by hand.
            own_writes: Who is told how far targets are.
            failover: Other settings.
        """
        self.clock = Clock()
        self.clock.advance(1000.0)
        names = self.names = tuple(map(address, names))
        self.hosts, self.ordered = {}, []
        for name in names:
            sources = () if name == names[0] else (names[0],)
            self.add_host(name, read_only=name != names[0], sources=sources)
        roles = {address(name): role for name, role in (roles or {}).items()}
        targets = tuple(
            Target(address=name, role=roles.get(name, Role.READ_WRITE)) for name in names
        )
        self.config = TargetGroup(
            targets=targets,
            topology=topology,
            target_sets=sets,
            failover=FailoverConfig(**failover),
            connection_pool_config=ConnectionPoolConfig(
                **({"max_connections": 2, "connection_borrow_timeout": 60} | (pool or {}))
            ),
        )
        self.counters = Counters()
        self.pools = Pools(self._pool)
        first = self.pools.get(targets[0])
        self.routes = {role: Route(first) for role in Role}
        self.routes[Role.READ_ONLY].takes_writes = False
        self.routes[Role.READ_ONLY].own_writes = own_writes
        self.watch = (watch or FedWatch)(self)
        self.steward = self._steward(self.pools, self.routes)
        self.clients = {}
        self.proxy = self._proxy()
        self.operations = GroupOperations("shop", self.steward, lambda: self.proxy.count)
        self.steward.start()
        self.run()

    def _steward(self, pools, routes):
        return Steward(
            self.config,
            pools,
            routes[Role.READ_WRITE],
            routes[Role.READ_ONLY],
            self.watch,
            self.clock,
            self.counters,
            get_logger(),
        )

    def connector(self, target, timeout=5.0):
        """What connects to a target."""
        connector = memory_dialer(self.clock, self.host(target.address).servers).connector
        connector.timeout_seconds = timeout
        return connector

    def _pool(self, target):
        config = self.config.connection_pool_config
        dialer = memory_dialer(self.clock, self.host(target.address).servers)
        accounts = Accounts(StaticSource(USERS))
        return TargetPool(self.clock, dialer, config, accounts, get_logger())

    def _proxy(self):
        roles = {"main": Role.READ_WRITE, "reads": Role.READ_ONLY}
        endpoints = tuple(
            EndpointConfig(name=name, listen="tcp:0", target_role=role)
            for name, role in roles.items()
        )
        config = attrs.evolve(make_config(endpoints=endpoints), target_group=self.config)
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        return Proxy(
            config,
            self.pools,
            self.routes,
            StaticSource(USERS),
            self.counters,
            self.deadlines,
            None,
            ConnectionIds(),
            self.clients,
            Admission(config, None, None),
        )

    # Hosts

    def add_host(self, name, **settings):
        """One more server."""
        settings.setdefault("read_only", True)
        name = address(name)
        self.hosts[name] = Host(self.clock, name, self.ordered, **settings)
        return self.hosts[name]

    def host(self, name):
        """The server of this name, made where there is none."""
        name = address(name)
        return self.hosts[name] if name in self.hosts else self.add_host(name)

    def post(self, name):
        """All that the steward has of a target."""
        return self.steward.posts[address(name)]

    def pool(self, name):
        """The pool of a target that is in use."""
        return self.post(name).pool

    def monitor(self, name):
        """The monitor of a target that is in use."""
        return self.post(name).monitor

    @property
    def writer(self):
        """The name of the writer, without its port."""
        return self.steward.writer.partition(":")[0]

    @property
    def is_held(self):
        """Whether the pool of the writer lends nothing."""
        return self.routes[Role.READ_WRITE].pool.ledger.held

    @property
    def readers(self):
        """The names of those that serve reads."""
        pools = self.routes[Role.READ_ONLY].pools
        return {post.name.partition(":")[0] for post in self._posts() if post.pool in pools}

    def _posts(self):
        return [*self.steward.posts.values()]

    # Looks

    def look(self, *names, times=1):
        """Look at these, or at all: the look is as long as nothing, and it shows what is."""
        for _ in range(times):
            self.run(0.001)
            for post in [self.post(name) for name in names] or self._posts():
                host = self.host(post.name)
                if host.alive:
                    self.feed(post.name, seen=host.seen())
                else:
                    self.feed(post.name, failure=Failure.REFUSED, why="refused")
        self.run()

    def feed(self, name, **look):
        """Give the steward a look at a target."""
        now = self.clock.seconds()
        self.monitor(name).on_look(Look(began=now, ended=now, **look))

    def be_well(self, *, writer=None):
        """Look at all until they are well, and readers have their full share."""
        self.look(times=2)
        self.pass_time(11)
        assert self.writer == (writer or self.names[0].partition(":")[0])
        assert not self.is_held
        return self

    def pass_time(self, seconds, step=0.5):
        """Let time pass in which all are looked at."""
        ends = self.clock.seconds() + seconds
        while self.clock.seconds() < ends:
            self.run(step)
            self.look()

    # Clients

    def run(self, seconds=0.0):
        """Let time pass, and then everything happen that is due."""
        self.clock.advance(seconds)
        for _ in range(2000):
            if not self.clock.calls or self.clock.calls[0].getTime() > self.clock.seconds():
                return
            self.clock.advance(0)
        raise AssertionError("there is no end to it")

    def connect(self, endpoint="main", **login):
        """A client that has sent its login."""
        peer = Peer(self, ClientFactory(self.proxy, endpoint))
        self.run()
        peer.log_in(**login)
        return peer

    def client(self, endpoint="main", **login):
        """A client that has logged in."""
        peer = self.connect(endpoint, **login)
        reply = peer.reply()
        assert not isinstance(reply, Err), reply
        return peer

    def order(self, coroutine):
        """Begin an operation; a list that gets its result or the error that it ends with."""
        ended = []
        Deferred.fromCoroutine(coroutine).addCallbacks(
            ended.append, lambda failure: ended.append(failure.value)
        )
        self.run()
        return ended

    def stop(self):
        """Stop everything, as a worker does, and see that nothing is left behind."""
        for client in [*self.clients.values()]:
            client.protocol.abort()
        self.pools.close()
        self.pools.stop()
        self.steward.stop()
        self.deadlines.stop()
        self.run(10)
        assert not self.clock.calls, self.clock.calls
        assert not any(host.open_connections for host in self.hosts.values())


def address(name):
    """The address of a host."""
    return name if ":" in name or "." in name else f"{name}:3306"


def answers(peer):
    """What has come since: (code, SQLSTATE) of errors, "ok", or the value of a row."""
    payloads = peer.payloads()
    if not payloads:
        return None
    if len(payloads) == 1:
        reply = parse_reply(payloads[0])
        return (reply.code, reply.sqlstate) if isinstance(reply, Err) else "ok"
    return payloads[2][1:].decode().partition(":")[0]


def begin(group, endpoint="main"):
    """A client in a transaction."""
    client = group.client(endpoint)
    client.query(b"BEGIN")
    assert answers(client) == "ok"
    return client


def ask(client, text):
    """Send a statement; what is heard of it by now."""
    client.query(text)
    return answers(client)


def refusal(ended):
    """Why an operation was refused."""
    (error,) = ended
    assert isinstance(error, OperationRefusedError), error
    return error.why
