"""Tests of `proxy.policy.ledger`: clients are held, moved, and let go on a few at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.lease import CallBack, Dial, Lend, Limits, Place, Reset, Retire, Waiter
from tests.support.book import accepts, book, idle, lingering, waiter


def held(connections=3, **more):
    """A ledger that lends nothing."""
    ledger = book(connections=connections, **more)
    ledger.held = True
    return ledger


def sized(size, since=0.0):
    """Somebody whose command has so many bytes."""
    return Waiter("app", "shop", since, size=size)


# Held


def test_what_is_to_be_closed_does_not_linger():
    """A busy client would work on with it, at a target that was left."""
    ledger = book(connections=3)
    lease = idle(ledger)
    ledger.take_same(lease, lease.serial)
    ledger.generation += 1
    ledger.linger(lease, 1.0)
    assert ledger.has_work
    assert ledger.settle(1.0) == [CallBack(lease)]
    assert lease.place is Place.CALLED


def test_a_lease_that_lingers_can_be_called_back():
    """Its client has been moved to another target."""
    ledger = book(connections=3)
    lease = lingering(ledger)
    ledger.call_back(lease)
    assert ledger.settle(1.0) == [CallBack(lease)]


def test_a_held_ledger_lends_nothing_by_any_way():
    """Not what is idle, nor the same lease again, nor one that comes back."""
    ledger = book(connections=3)
    free, given = idle(ledger), idle(ledger)
    assert ledger.take_same(given, given.serial)
    ledger.held = True
    assert ledger.take("app", "shop") is None
    assert ledger.take_any("app", "shop") is None
    assert not ledger.take_same(free, free.serial)
    ledger.ask(waiter())
    assert not ledger.has_work
    assert ledger.settle(1) == []
    assert ledger.pass_on(given, "shop", 1) is None
    ledger.give_back(given, "shop", 1)
    assert ledger.settle(1) == []
    assert (ledger.idle_count, len(ledger.waiting)) == (2, 1)


def test_a_held_ledger_dials_for_nobody():
    """The target is not known to be the right one."""
    ledger = held()
    ledger.ask(waiter())
    assert ledger.settle(1) == []
    assert ledger.total == 0


def test_what_was_on_its_way_stays_while_the_ledger_is_held():
    """It is there when clients go on."""
    ledger = book()
    first = waiter()
    ledger.ask(first)
    (dial,) = ledger.settle(0)
    ledger.held = True
    ledger.dialed(dial.lease, "", 1)
    assert ledger.settle(1) == []
    ledger.held = False
    assert ledger.settle(2) == [Lend(first, dial.lease)]


def test_what_has_been_decided_is_carried_out_while_the_ledger_is_held():
    """A reset and the end of a connection lend nothing."""
    ledger = book()
    one, two = idle(ledger), idle(ledger)
    for lease in (one, two):
        assert ledger.take_same(lease, lease.serial)
    ledger.held = True
    ledger.give_back(one, None, 1)
    ledger.discard(two, "a reason")
    assert ledger.has_work
    assert ledger.settle(1) == [Reset(one), Retire(two, "a reason")]


def test_clients_that_keep_a_lease_give_it_up_while_the_ledger_is_held():
    """Else one that never rests would go on with it through the whole hold."""
    ledger = book(connections=3)
    kept = lingering(ledger)
    assert not ledger.has_work
    ledger.held = True
    assert ledger.has_work
    assert ledger.settle(1) == [CallBack(kept)]
    assert ledger.settle(1) == []
    ledger.resume(kept)
    ledger.linger(kept, 2)
    assert ledger.settle(2) == [CallBack(kept)]
    ledger.resume(kept)
    ledger.give_back(kept, "shop", 3)
    assert ledger.take("app", "shop") is None


def test_those_who_were_held_go_on_in_the_order_in_which_they_came():
    """However many were held, and whoever comes at that moment."""
    ledger = book(connections=2)
    one, two = idle(ledger), idle(ledger)
    ledger.held = True
    asked = [waiter(since=float(turn)) for turn in range(4)]
    for each in asked:
        ledger.ask(each)
    assert [each.ahead for each in asked] == [0, 1, 2, 3]
    ledger.held = False
    assert ledger.has_work
    lends = ledger.settle(9)
    assert [lend.waiter for lend in lends] == asked[:2]
    assert {lend.lease for lend in lends} == {one, two}
    assert ledger.take_any("app", "shop") is None
    assert ledger.pass_on(two, "shop", 10) is asked[2]
    ledger.give_back(one, "shop", 10)
    assert ledger.settle(10) == [Lend(asked[3], one)]


def test_who_leaves_while_the_ledger_is_held_is_served_no_more():
    """Nor twice: a second farewell is none."""
    ledger = held()
    gone, stays = waiter(), waiter()
    ledger.ask(gone)
    ledger.ask(stays)
    assert ledger.withdraw(gone)
    assert not ledger.withdraw(gone)
    ledger.held = False
    (dial,) = ledger.settle(1)
    ledger.dialed(dial.lease, "", 2)
    assert ledger.settle(2) == [Lend(stays, dial.lease)]


# Moved


def test_those_who_come_from_elsewhere_stand_where_they_would_have_stood():
    """First come, first served, over all pools; of equals those that are here come first."""
    ledger = book(connections=1)
    here = [waiter(since=since) for since in (1.0, 3.0, 5.0)]
    for each in here:
        ledger.ask(each)
    there = [waiter(since=since) for since in (0.0, 3.0, 9.0)]
    ledger.merge(there)
    assert [*ledger.waiting] == [there[0], here[0], here[1], there[1], here[2], there[2]]
    lease = idle(ledger)
    for expected in [*ledger.waiting]:
        (lend,) = ledger.settle(10)
        assert lend == Lend(expected, lease)
        ledger.give_back(lease, "shop", 10)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=20))
def test_nobody_is_lost_or_doubled_by_moving(arrivals):
    """Two queues become one: everybody is in it once, in order, and its bytes are counted."""
    here, there = book(), book()
    for since, is_here in sorted(arrivals, key=lambda arrival: arrival[0]):
        (here if is_here else there).ask(sized(10, float(since)))
    before = {*here.waiting, *there.waiting}
    movers = [*there.waiting]
    for mover in movers:
        assert there.withdraw(mover)
    here.merge(movers)
    assert {*here.waiting} == before
    assert len(here.waiting) == len(arrivals)
    assert [one.since for one in here.waiting] == sorted(one.since for one in before)
    assert here.waiting_bytes == 10 * len(arrivals)
    assert (there.waiting_bytes, len(there.waiting)) == (0, 0)


# Bounded


def test_commands_that_wait_take_no_more_memory_than_they_may():
    """Whoever leaves, by whatever way, makes room again."""
    ledger = held(waiting_bytes=100)
    first, second = sized(60), sized(40)
    for each in (first, second):
        assert not ledger.is_full(each.size)
        ledger.ask(each)
    assert ledger.waiting_bytes == 100
    assert ledger.is_full(1)
    assert not ledger.is_full(0)
    ledger.withdraw(first)
    assert not ledger.is_full(60)
    assert ledger.is_full(61)
    assert ledger.withdraw_all("app") == [second]
    assert ledger.waiting_bytes == 0


def test_bytes_of_whoever_is_served_are_given_back():
    """By settling, and by passing on."""
    ledger = book(connections=1)
    lease = idle(ledger)
    ledger.ask(sized(10))
    ledger.ask(sized(20))
    assert len(ledger.settle(1)) == 1
    assert ledger.waiting_bytes == 20
    assert ledger.pass_on(lease, "shop", 1) is not None
    assert ledger.waiting_bytes == 0


def test_a_single_command_may_always_wait():
    """However long it is: its bytes are here already, and nobody else's are."""
    ledger = held(waiting_bytes=100)
    assert not ledger.is_full(1 << 30)
    ledger.ask(sized(1 << 30))
    assert ledger.is_full(1)


def test_no_more_wait_than_may():
    """Whatever their size."""
    ledger = held(waiting=2)
    for _ in range(2):
        assert not ledger.is_full(0)
        ledger.ask(sized(0))
    assert ledger.is_full(0)


# A few at a time


def test_only_so_many_are_dialed_at_once():
    """A server that has just become the writer has more to do than to let people in."""
    ledger = book(connections=100, dialing=3)
    asked = [waiter() for _ in range(10)]
    for each in asked:
        ledger.ask(each)
    dials = ledger.settle(0)
    assert all(isinstance(dial, Dial) for dial in dials)
    assert len(dials) == len(ledger.dialing) == 3
    ledger.dialed(dials[0].lease, "", 1)
    lend, more = ledger.settle(1)
    assert lend == Lend(asked[0], dials[0].lease)
    assert isinstance(more, Dial)
    assert len(ledger.dialing) == 3
    ledger.dial_failed(dials[1].lease, 1.0)
    (again,) = ledger.settle(2)
    assert isinstance(again, Dial)
    assert len(ledger.dialing) == 3


def test_who_needs_no_dial_does_not_wait_for_those_who_do():
    """An idle or lingering lease of its kind serves whoever stands behind, out of dials."""
    for give in (idle, lingering):
        ledger = book(connections=100, dialing=1)
        for key in ("app", "app", "other"):
            ledger.ask(waiter(key))
        lease = give(ledger, key="other")
        dial, served = ledger.settle(0)
        assert isinstance(dial, Dial)
        assert served.lease is lease
        assert lease.place is (Place.LENT if give is idle else Place.CALLED)


def test_everybody_is_served_in_the_end_by_a_few_dials_at_a_time():
    """Nobody behind is forgotten when a dial comes through."""
    ledger = book(connections=40, dialing=4)
    asked = [waiter("app" if turn % 3 else "other", since=float(turn)) for turn in range(40)]
    for each in asked:
        ledger.ask(each)
    served, dialing = [], []
    for turn in range(200):
        for action in ledger.settle(turn):
            if isinstance(action, Dial):
                dialing.append(action.lease)
            else:
                served.append(action.waiter)
        assert len(ledger.dialing) <= 4
        if dialing:
            ledger.dialed(dialing.pop(0), "", turn)
    assert {*served} == {*asked}
    for key in ("app", "other"):
        of_key = [each for each in served if each.key == key]
        assert of_key == [each for each in asked if each.key == key]


@given(st.data())
def test_however_often_a_ledger_is_held_its_clients_are_served_once_and_in_order(data):
    """Hold and release come at any moment, such as between a loan and its end."""
    ledger = book(connections=2, dialing=1)
    order, lent, dialing, served = [], [], [], []
    for turn in range(40):
        what = data.draw(st.sampled_from(["ask", "hold", "release", "back", "dialed"]))
        if what == "ask":
            one = waiter(since=float(turn))
            order.append(one)
            ledger.ask(one)
        elif what in ("hold", "release"):
            ledger.held = what == "hold"
        elif what == "back" and lent:
            lease = lent.pop(0)
            follower = ledger.pass_on(lease, "shop", turn)
            if follower is None:
                ledger.give_back(lease, "shop", turn)
            else:
                assert not ledger.held
                served.append(follower)
                lent.append(lease)
        elif what == "dialed" and dialing:
            ledger.dialed(dialing.pop(0), "", turn)
        for action in ledger.settle(turn):
            assert not ledger.held
            if isinstance(action, Dial):
                dialing.append(action.lease)
            else:
                assert isinstance(action, Lend)
                served.append(action.waiter)
                lent.append(action.lease)
        assert served == order[: len(served)]
        assert [*ledger.waiting] == order[len(served) :]
        assert not (ledger.waiting and ledger.idle_count and not ledger.held)


def test_the_book_of_a_held_ledger_accepts_as_any_other():
    """A state that cannot be reached is not lent after the hold either."""
    ledger = book(connections=1)
    lease = idle(ledger, "shop")
    ledger.held = True
    bare = waiter(state="")
    ledger.ask(bare)
    ledger.held = False
    assert not accepts("shop", "")
    assert ledger.settle(1) == [Retire(lease, "its place is needed for another user")]
    ledger.lost(lease)
    (dial,) = ledger.settle(2)
    ledger.change_limits(Limits(1, 1))
    ledger.dialed(dial.lease, "", 2)
    assert ledger.settle(2) == [Lend(bare, dial.lease)]
