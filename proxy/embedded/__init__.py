"""
Real MySQL and MariaDB servers to try things on.

Finds the server programs on this machine, else unpacks Debian's packages into a cache of
this user, else uses a container; starts a server, a primary with replicas, or a cluster by
Group Replication or Galera, each server in a folder of its own on a free port of the loopback
interface; kills, freezes, cuts off, promotes and brings back what a test wants to fail; and
sees to it that they end with the process that started them, however that ends. Everything
here blocks: a program with a reactor calls it before the reactor runs, or from a thread.
"""

from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import EmbeddedError, ServerFailedError, ServerNotFoundError
from proxy.embedded.galera import GaleraServers, start_galera
from proxy.embedded.group import GroupServers, start_group
from proxy.embedded.launch import Way, start_local_server, start_server
from proxy.embedded.local import LocalServer
from proxy.embedded.relay import CuttingRelay
from proxy.embedded.replication import ReplicatedServers, start_replicated
from proxy.embedded.server import Server

__all__ = [
    "CuttingRelay",
    "Distribution",
    "EmbeddedError",
    "Flavor",
    "GaleraServers",
    "GroupServers",
    "LocalServer",
    "ReplicatedServers",
    "Server",
    "ServerFailedError",
    "ServerNotFoundError",
    "Way",
    "start_galera",
    "start_group",
    "start_local_server",
    "start_replicated",
    "start_server",
]
