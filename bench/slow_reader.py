"""A result of 1 GiB to a client that reads slowly: how much memory does the proxy take?

``python -m bench.slow_reader`` ends with status 1 when the proxy ever had more than the limit,
or when the result did not come whole.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from typing import Final

import attrs
import click

from bench import clients_results, machine
from bench.peers import Fleet, Running, connect
from bench.programs import PEERS
from bench.report import OURS
from bench.site import site

ROW_BYTES: Final = 1 << 20
LIMIT_BYTES: Final = 100 << 20

_RECEIVE_BUFFER_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 18
_LOOK_SECONDS: Final = 0.1
_SILENCE_LIMIT_SECONDS: Final = 60.0
_COM_QUERY: Final = b"\x03"


@attrs.define
class Watch:
    """Looks at a process's memory now and then.

    Attributes:
        samples: seconds since the start, and bytes.
    """

    pid: int
    began: float = attrs.field(factory=time.monotonic)
    samples: list[tuple[float, int]] = attrs.field(factory=list)

    def look(self) -> None:
        """Take a sample, unless the last one is fresh."""
        since = time.monotonic() - self.began
        if not self.samples or since - self.samples[-1][0] >= _LOOK_SECONDS:
            self.samples.append((since, machine.memory_bytes(self.pid)))


@attrs.define
class RowCounter:
    """Counts the rows of a text result by the headers of their packets, in any chunking.

    Attributes:
        rows: rows of at least `ROW_BYTES`.
        ended: the packet behind the last row has come.
    """

    rows: int = 0
    ended: bool = False
    _head: bytes = b""
    _skip: int = 0

    def feed(self, data: memoryview) -> None:
        """More of the answer."""
        position = 0
        while position < len(data):
            if self._skip:
                step = min(self._skip, len(data) - position)
                self._skip -= step
                position += step
                continue
            taken = bytes(data[position : position + 5 - len(self._head)])
            self._head += taken
            position += len(taken)
            if len(self._head) == 5:
                self._packet()

    def _packet(self) -> None:
        size = int.from_bytes(self._head[:3], "little")
        first = self._head[4]
        self._head, self._skip = b"", size - 1
        if size >= ROW_BYTES:
            self.rows += 1
        elif self.rows and first in {0xFE, 0xFF}:
            self.ended = True


def read_slowly(running: Running, rows: int, stall: float, rate: float) -> tuple[Watch, int]:
    """Ask for the result, do nothing for a while, then read at a steady pace.

    Args:
        running: the proxy.
        rows: of 1 MiB each.
        stall: seconds without a read after the question.
        rate: bytes a second from then on.

    Returns:
        The memory it took, and the rows that came.
    """
    assert running.pid is not None
    watch = Watch(running.pid)
    counter = RowCounter()
    connection = connect(running)
    sock: socket.socket = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL reads whole packets, we do not
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    sock.settimeout(_SILENCE_LIMIT_SECONDS)
    statement = (
        f"SELECT REPEAT('x', {ROW_BYTES}) FROM {clients_results.NUMBERS} a "
        f"JOIN {clients_results.NUMBERS} b ON b.n < 2 LIMIT {rows}"
    )
    payload = _COM_QUERY + statement.encode()
    sock.sendall(struct.pack("<I", len(payload)) + payload)
    while time.monotonic() - watch.began < stall:
        watch.look()
        time.sleep(_LOOK_SECONDS)
    began, received = time.monotonic(), 0
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    while not counter.ended and (size := sock.recv_into(buffer)):
        counter.feed(buffer[:size])
        received += size
        watch.look()
        time.sleep(max(began + received / rate - time.monotonic(), 0))
    sock.close()
    return watch, counter.rows


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--mib", type=click.IntRange(1, 2000), default=1024, show_default=True)
@click.option("--stall", type=float, default=3.0, show_default=True, help="Seconds.")
@click.option("--rate", type=float, default=60.0, show_default=True, help="MiB a second.")
def main(mib: int, stall: float, rate: float) -> None:
    """Send a large result through the proxy to a slow reader and watch the proxy's memory."""
    with site() as here, Fleet(here, {OURS: PEERS[OURS]}) as fleet:
        clients_results.prepare(here.server)
        running = fleet.get(OURS, 2)
        if running is None or running.pid is None:
            raise click.ClickException(fleet.missing[OURS])
        before = machine.memory_bytes(running.pid)
        watch, rows = read_slowly(running, mib, stall, rate * (1 << 20))
        peak = machine.memory_bytes(running.pid, "VmHWM")
    took = watch.samples[-1][0]
    click.echo(
        f"{rows} of {mib} rows of 1 MiB in {took:.1f} s; memory of the proxy: "
        f"{before >> 20} MiB before, {peak >> 20} MiB at most "
        f"({len(watch.samples)} looks: most {max(size for _, size in watch.samples) >> 20} MiB)"
    )
    if rows != mib or peak >= LIMIT_BYTES:
        click.echo(f"the limit is {LIMIT_BYTES >> 20} MiB, and every row has to come", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m bench.slow_reader")
