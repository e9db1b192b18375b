"""
Real MySQL and MariaDB servers to try things on.

Finds the server programs on this machine, else unpacks Debian's packages into a cache of
this user, else uses a container; starts a server, or a primary with replicas, each in a
folder of its own on a free port of the loopback interface; and sees to it that they end
with the process that started them, however that ends. Everything here blocks: a program
with a reactor calls it before the reactor runs, or from a thread.
"""

from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import EmbeddedError, ServerFailedError, ServerNotFoundError
from proxy.embedded.launch import Way, start_local_server, start_server
from proxy.embedded.local import LocalServer
from proxy.embedded.replication import ReplicatedServers, start_replicated
from proxy.embedded.server import Server

__all__ = [
    "Distribution",
    "EmbeddedError",
    "Flavor",
    "LocalServer",
    "ReplicatedServers",
    "Server",
    "ServerFailedError",
    "ServerNotFoundError",
    "Way",
    "start_local_server",
    "start_replicated",
    "start_server",
]
