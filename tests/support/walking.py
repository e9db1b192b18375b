"""The proxy, which writes down at SIGUSR1 all that it could show of itself.

That are its metrics, and of each of its objects what `repr` and `str` say, and every field that
attrs does not hide.  Three users make it stumble, for the sake of tracebacks.  It is run as a
program, in the place of ``python -m proxy``; the environment says where to write (`PLACE`).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
from prometheus_client import generate_latest

from proxy.cli import main
from proxy.credentials.directory import Directory
from proxy.credentials.iam.reloading import ReloadingVerifier
from proxy.observe.metrics import ProxyCollector, make_registry

PLACE = "WALKING_PLACE"
"""The variable that names the file."""

UNABLE = "cannot show itself:"
"""What is written of an object whose `repr` or `str` fails."""

MAKING_SECONDS = 0.1
"""How long an object may be in the making."""

AT_ONCE, LATER, WITH_TOKEN = "stumbles-at-once", "stumbles-later", "stumbles-with-token"
"""Users at whose login a mistake happens: before anything is waited for, after that, and when a
token has been shown."""


def walk() -> Iterator[str]:
    """Give all that there is to see, piece by piece."""
    gc.unfreeze()  # what is frozen is in no list
    for one in gc.get_objects():
        # Not `isinstance`, nor anything else that would wake a proxy of some library.
        if str(type(one).__module__).partition(".")[0] == "proxy":
            yield from shown(one)
        if type(one) is ProxyCollector:
            yield generate_latest(make_registry(one)).decode()


def said_by(one: Any) -> str:
    """Give what an object says of itself."""
    try:
        return f"{type(one).__qualname__}: {one!r} {one}"
    except AttributeError:
        # Perhaps another thread is about to make it: that one gets on while this one sleeps.
        time.sleep(MAKING_SECONDS)
        return f"{type(one).__qualname__}: {one!r} {one}"


def shown(one: Any) -> Iterator[str]:
    """Give what an object shows."""
    name = type(one).__qualname__
    try:
        yield said_by(one)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be seen
        yield f"{UNABLE} {name}: {error!r}"
    if attrs.has(type(one)):
        for field in attrs.fields(type(one)):
            if field.repr:
                show = field.repr if callable(field.repr) else repr
                yield f"{name}.{field.name}: {show(getattr(one, field.name, None))}"


def asked(*_: object) -> None:
    """Have it written between two events: a signal may come in the midst of an `__init__`."""
    from twisted.internet import reactor  # which one it is says the command line

    reactor.callFromThread(write_down)


def write_down() -> None:
    """Write it, all at once for whoever waits for the file."""
    path = Path(os.environ[PLACE])
    fresh = path.with_name("fresh")
    fresh.write_text("\n".join(walk()), "utf-8")
    fresh.rename(path)


def stumbling(usual: Callable[..., Any], user: str, position: int) -> Callable[..., Any]:
    """Make a method fail for one user, who is its argument at this position."""

    def method(*arguments: Any) -> Any:
        if arguments[position] == user:
            raise ZeroDivisionError
        return usual(*arguments)

    return method


if __name__ == "__main__":
    Directory.known = stumbling(Directory.known, AT_ONCE, 1)
    Directory.find = stumbling(Directory.find, LATER, 1)
    ReloadingVerifier.verify = stumbling(ReloadingVerifier.verify, WITH_TOKEN, 2)
    signal.signal(signal.SIGUSR1, asked)
    sys.exit(main())
