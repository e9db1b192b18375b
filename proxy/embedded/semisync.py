"""Semi-synchronous replication: a commit is acknowledged once a replica has received it."""

from proxy.embedded.distribution import Flavor
from proxy.embedded.local import LocalServer

_PATIENCE_MILLISECONDS = 60_000
"""Then a primary goes on without its replicas, and no longer keeps its promise. Longer than a
test keeps a replica away, short enough that none hangs for good."""


def semi_sync_settings(flavor: Flavor) -> dict[str, str]:
    """
    The settings of every server of such a group, by option name.

    No server waits for replicas by them alone: see `wait_for_replicas`. MySQL knows these
    names since 8.0.26, an older one does not start with them.
    """
    if flavor is Flavor.MARIADB:
        return {
            "rpl-semi-sync-slave-enabled": "ON",
            # How long a replica that stops tries to tell a primary that does not answer.
            "rpl-semi-sync-slave-kill-conn-timeout": "1",
            "rpl-semi-sync-master-timeout": str(_PATIENCE_MILLISECONDS),
            # Not after the commit: others would see a row that a failover can lose.
            "rpl-semi-sync-master-wait-point": "AFTER_SYNC",
        }
    return {
        "plugin-load-add": "semisync_source.so;semisync_replica.so",
        "rpl-semi-sync-replica-enabled": "ON",
        "rpl-semi-sync-source-timeout": str(_PATIENCE_MILLISECONDS),
    }


def wait_for_replicas(server: LocalServer, *, wanted: bool) -> None:
    """Whether commits on a server wait for a replica, now and at each later start."""
    side = "source" if server.flavor is Flavor.MYSQL else "master"
    state = "ON" if wanted else "OFF"
    server.settings[f"rpl-semi-sync-{side}-enabled"] = state
    if server.is_running():
        server.execute(f"SET GLOBAL rpl_semi_sync_{side}_enabled = {state}")
