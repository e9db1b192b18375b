"""Tests of `proxy.policy.places`."""

from __future__ import annotations

import pytest

from proxy.policy.lease import CallBack, Place
from proxy.policy.places import Places


def put(places, place):
    """A lease that is in this place."""
    lease = places._start_dial("app", 0.0)
    if place is Place.DIALING:
        return lease
    places._leave(lease)
    if place is Place.RESETTING:
        lease.place = place
        places.resetting.add(lease)
        places._coming.add(lease.key)
    elif place is Place.RETIRING:
        places._retire(lease, "a reason")
    else:
        places._put_idle(lease, "shop", 1.0)
    if place in (Place.LENT, Place.LINGERING, Place.CALLED):
        places._lend(lease)
    if place in (Place.LINGERING, Place.CALLED):
        places.linger(lease, 2.0)
    if place is Place.CALLED:
        places._call_back(lease, [])
    assert lease.place is place
    return lease


PLACES = [place for place in Place if place is not Place.GONE]


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_its_container_and_can_be_left(place):
    """A lease counts once wherever it is, and not at all when it has left."""
    places = Places()
    lease, other = put(places, place), put(places, place)
    assert {*places.leases()} == {lease, other}
    assert places.total == 2
    places._leave(lease)
    assert [*places.leases()] == [other]
    assert places.total == 1


@pytest.mark.parametrize("place", PLACES)
def test_those_that_are_on_their_way_are_counted_for_waiters(place):
    """What is dialed, reset or called back will come; nothing else will."""
    places = Places()
    lease = put(places, place)
    comes = place in (Place.DIALING, Place.RESETTING, Place.CALLED)
    assert places._coming.of("app") == comes
    places._leave(lease)
    assert places._coming.of("app") == 0


def test_clients_have_what_lingers_with_them_too():
    """Borrowed is what the server sees at work or waiting for its client."""
    places = Places()
    for place in PLACES:
        put(places, place)
    assert places.borrowed == 3
    assert places.idle_count == 1
    assert places.total == len(PLACES)


def test_a_lease_that_is_lent_has_another_serial_number_each_time():
    """By that a client knows whether somebody else had it meanwhile; lingering is no loan."""
    places = Places()
    lease = put(places, Place.LENT)
    assert lease.serial == 1
    places.linger(lease, 5.0)
    assert lease.idle_since == 5.0
    places.resume(lease)
    assert (lease.place, lease.serial) == (Place.LENT, 1)


def test_a_client_may_work_again_with_what_was_called_back():
    """Nobody can count on it any more then."""
    places = Places()
    lease = put(places, Place.LINGERING)
    actions = []
    places._call_back(lease, actions)
    assert actions == [CallBack(lease)]
    places.resume(lease)
    assert (lease.place, places._coming.of("app")) == (Place.LENT, 0)


def test_idle_leases_are_told_oldest_first_by_kind():
    """So that the oldest can be closed, or taken for somebody else."""
    places = Places()
    first, second = put(places, Place.IDLE), put(places, Place.IDLE)
    assert [*places.idle_leases()] == [first, second]


def test_a_kind_of_which_no_backend_is_idle_takes_no_room():
    """Users come and go, and would be walked through for ever."""
    places = Places()
    put(places, Place.LENT)
    kept = put(places, Place.IDLE)
    places._clear_shelves()
    assert [*places.idle_leases()] == [kept]
    places._leave(kept)
    places._clear_shelves()
    assert places._idle == {}
    assert places.idle_count == 0


def test_what_is_dialed_belongs_to_the_generation_of_then():
    """A failover while it is dialed makes it an older one."""
    places = Places()
    before = put(places, Place.DIALING)
    places.generation += 1
    assert (before.generation, put(places, Place.DIALING).generation) == (0, 1)
