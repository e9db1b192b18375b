"""Scripts by chance for as long as somebody likes: ``make soak``, or with ``SECONDS=600``.

It prints a line for each server and shape of clients, and each difference with a short script.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from proxy.embedded import Flavor
from tests.conftest import prepared
from tests.differential import chance
from tests.differential.compare import differences, told
from tests.differential.crowd import crowd
from tests.differential.script import Step
from tests.differential.stage import NEW, OLD, Stage
from tests.support.process import running_proxy

HOUR = 3600.0
OTHERS, BACKENDS = 8, 3
TRIES = 200
"""How often a script is played again to find a shorter one."""


def shortest(stage: Stage, port: int, script: Sequence[Step], shape: int) -> list[Step]:
    """Leave out steps as long as there is a difference."""
    kept = [*script]
    for at in reversed(range(min(len(kept), TRIES))):
        fewer = kept[:at] + kept[at + 1 :]
        if differences(stage, port, fewer, shape):
            kept = fewer
    return kept


def soak(flavor: Flavor, shape: int, seconds: float, seed: int) -> int:
    """Play scripts for so long; how many of them were answered in another way."""
    count = wrong = 0
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.contextmanager(prepared)(flavor))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = {"max_connections": BACKENDS, "connection_borrow_timeout": 30}
        proxy = stack.enter_context(running_proxy(server, folder, pool=pool))
        stage = Stage(server, "subject")
        others = stack.enter_context(crowd(server, proxy.port, OTHERS, shape))
        end = time.monotonic() + seconds
        scripts = chance.script(
            mariadb=flavor is Flavor.MARIADB, schema=stage.schema, other=stage.other
        )

        @seeded(seed)
        @settings(
            max_examples=1_000_000,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(scripts)
        def play(script: list[Step]) -> None:
            nonlocal count, wrong
            if time.monotonic() > end:
                raise TimeoutError
            count += len(script)
            if differences(stage, proxy.port, script, shape):
                wrong += 1
                short = shortest(stage, proxy.port, script, shape)
                sys.stdout.write("\n".join(map(told, short)) + "\n")
                sys.stdout.write(differences(stage, proxy.port, short, shape) + "\n")

        with contextlib.suppress(TimeoutError):
            play()
        name = "new clients" if shape == NEW else "old clients"
        sys.stdout.write(
            f"{flavor.value}, {name}: {count} statements, {wrong} scripts with differences; "
            f"the others compared {others.said} answers\n"
        )
    return wrong


def main() -> int:
    """Soak both servers with both shapes of clients."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else HOUR
    seed = int(time.time())
    sys.stdout.write(f"seed {seed}\n")
    rounds = [(flavor, shape) for flavor in Flavor for shape in (NEW, OLD)]
    return sum(soak(*one, seconds / len(rounds), seed) for one in rounds)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
