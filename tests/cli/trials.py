"""A trial with servers that are none."""

from __future__ import annotations

from types import SimpleNamespace

from proxy.cli.trial_config import Trial
from proxy.cli.trial_servers import TrialServers
from proxy.embedded import Flavor, ReplicatedServers
from proxy.embedded.certificates import CertificateFiles


def server(port):
    """A server that seems to run."""
    return SimpleNamespace(
        flavor=Flavor.MYSQL,
        version="9.7.4",
        host="127.0.0.1",
        port=port,
        pid=port + 1,
        is_running=lambda: True,
    )


def trial_in(folder, *, pair=False):
    """A trial of one of them, or of two."""
    files = CertificateFiles(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    first = server(4001)
    group = ReplicatedServers(first, [server(4003)], "secret") if pair else None
    return Trial(TrialServers(first, group), folder, files, 3306, 5, dashboard_port=8033)
