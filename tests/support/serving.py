"""A proxy as a process of its own in front of a real server, with its log read to the end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading

import attrs

from tests.support.process import WORKERS

END_SECONDS = 40


@attrs.define
class Served:
    """A proxy that serves.

    Attributes:
        port: Where, on 127.0.0.1.
        pid: Its process.
        log: The lines of its log so far, as read from JSON.
    """

    port: int
    pid: int
    log: list[dict] = attrs.field(factory=list)


@contextlib.contextmanager
def serving(folder, server, *, user="app", password="app-secret-1", proxy="", **pool):
    """Serve a server; a mistake in the proxy's log fails the test.

    Args:
        folder: For the configuration.
        server: The real one behind it.
        user: Whom the proxy knows.
        password: What that one needs.
        proxy: More settings of the proxy, as `name: value, ...`.
        pool: Settings of the pool.
    """
    settings = ", ".join(f"{name}: {value}" for name, value in pool.items())
    path = folder / "mysqlproxy.yaml"
    path.write_text(
        "proxies:\n"
        "  - {name: shop, "
        f'auth: [{{username: {user}, password: "{password}"}}], {proxy}\n'
        f'     target_group: {{targets: [{{address: "{server.host}:{server.port}"}}],\n'
        f"       connection_pool_config: {{{settings}}}}},\n"
        '     endpoints: [{name: shop, listen: "tcp:0:interface=127.0.0.1"}]}\n'
        "log: {format: json}\n"
        f"workers: {WORKERS}\n"
        "drain_timeout: 1\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "run", "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    served = Served(0, process.pid)
    listens = threading.Event()

    def read():
        for line in process.stderr:
            entry = json.loads(line)
            served.log.append(entry)
            if entry["message"] == "an endpoint listens":
                served.port = int(entry["address"].rpartition(":")[2])
                listens.set()
        listens.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert listens.wait(END_SECONDS)
        assert served.port, served.log
        yield served
        process.terminate()
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()
    wrong = [entry for entry in served.log if entry["level"] in ("error", "critical")]
    assert not wrong, wrong
