"""Counters in which every number is another one, so that none can be taken for another."""

from __future__ import annotations

from itertools import count

from proxy.observe.counters import Counters, TargetCounters
from proxy.observe.metrics_now import ProxyNow, TargetNow
from proxy.observe.tally import HISTOGRAMS, OF_CLIENTS, OF_ENDPOINT, OF_PROXY, OF_TARGET

PLACE = "db:3306"


def counted(start=1):
    """All of it counts up from a number."""
    numbers, counters = count(start), Counters()
    for name in OF_PROXY:
        setattr(counters, name, next(numbers))
    counters.session_pins["get_lock"] = next(numbers)
    endpoint = counters.endpoint("main")
    for name in ("client_connections", *OF_ENDPOINT):
        setattr(endpoint, name, next(numbers))
    for name in OF_CLIENTS:
        tally = getattr(endpoint, name)
        tally.clients, tally.requests, tally.express = (next(numbers) for _ in range(3))
    for name in HISTOGRAMS:
        getattr(endpoint, name).add(next(numbers) / 1000)
    endpoint.of_target(PLACE).add(next(numbers) / 1000)
    return counters


def target(start=1, **fields):
    """A target whose counters do."""
    numbers, counters = count(start), TargetCounters()
    for name in OF_TARGET:
        setattr(counters, name, next(numbers))
    known = {"address": "db", "place": PLACE, "target_role": "READ_WRITE"}
    return TargetNow(**{**known, "counters": counters, **fields})


def standing(*targets, **fields):
    """How a proxy stands with these targets."""
    return ProxyNow(targets=targets, **fields)


def names_of(kind):
    """The attributes of a class that has slots; compiled ones call them otherwise."""
    return getattr(kind, "__mypyc_attrs__", getattr(kind, "__slots__", ()))


def flat(value):
    """All numbers of something by their names, to compare it by."""
    if hasattr(value, "packed"):
        return value.packed()
    if hasattr(value, "__attrs_attrs__"):
        return {one.name: flat(getattr(value, one.name)) for one in value.__attrs_attrs__}
    if names_of(type(value)):
        return {name: flat(getattr(value, name)) for name in names_of(type(value))}
    if isinstance(value, dict):
        return {name: flat(one) for name, one in value.items()}
    return [flat(one) for one in value] if isinstance(value, tuple) else value
