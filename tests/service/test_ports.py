"""Tests of `proxy.service.ports`: real ports, on a reactor that a test turns."""

import contextlib
import os
import socket
import stat
from functools import partial

import pytest
from twisted.internet import reactor
from twisted.internet.address import HostnameAddress
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from proxy.service.ports import Door, Given, OpenPort, PortName, Ports, PortsError, Wanted
from tests.support.turning import turn, turned

pytestmark = pytest.mark.loopback

MAIN, MORE = PortName("shop", "main"), PortName("shop", "more")
ANYWHERE = "tcp:0:interface=127.0.0.1"


class Greeter(Factory):
    """Sends each client its name."""

    noisy = False

    def __init__(self, name):
        self.name = name

    def buildProtocol(self, _addr):  # noqa: N802 - Twisted's name
        """See `twisted.internet.interfaces.IProtocolFactory`."""
        greeter = Protocol()
        greeter.connectionMade = lambda: (
            greeter.transport.write(self.name),
            greeter.transport.loseConnection(),
        )
        return greeter


def wanted(name, listen, greeting=b"old"):
    """A port that is wanted."""
    return Wanted(name, listen, Greeter(greeting))


def at(port):
    """The text with which an open port would be wanted again."""
    return f"tcp:{port.port.getHost().port}:interface=127.0.0.1"


def ask(place):
    """What a client hears there; None when nobody listens."""
    client = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    with client:
        try:
            client.connect(place)
        except OSError:
            return None
        client.setblocking(False)

        def heard():
            try:
                return client.recv(100)
            except BlockingIOError:
                return None

        return turn(heard)


def place_of(port):
    """Where a client connects to."""
    return ("127.0.0.1", port.port.getHost().port)


@pytest.fixture
def ports():
    """Ports that are closed in the end."""
    ports = Ports(reactor)
    yield ports
    turned(ports.close())


def exchange(ports, *wishes):
    """Have these ports, and no others."""
    change = turned(ports.prepare(wishes))
    ports.carry_out(change)
    turned(ports.finish(change))
    return change


def test_an_endpoint_listens(ports):
    """And its address is known by its name."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    assert ask(place_of(port)) == b"old"
    number = port.port.getHost().port
    assert ports.addresses("shop") == {"main": f"127.0.0.1:{number}"}
    assert ports.addresses("store") == {}
    assert f"127.0.0.1:{number}" in repr(ports)
    assert [*ports] == [port]


def test_addresses_are_written_as_people_write_them(ports, tmp_path):
    """IPv6 in brackets, and a unix socket by its path."""
    six = turned(ports.open(wanted(MAIN, r"tcp6:0:interface=\:\:1")))
    assert six.address.startswith("[::1]:")
    unix = turned(ports.open(wanted(MORE, f"unix:{tmp_path}/a.sock")))
    assert unix.address == f"unix:{tmp_path}/a.sock"


def test_an_address_of_another_kind_is_written_as_it_is():
    """Twisted has more kinds of addresses."""

    class Strange:
        def getHost(self):  # noqa: N802 - Twisted's name
            return HostnameAddress(b"db", 1)

    port = OpenPort(MAIN, "strange:", Strange(), Door(Greeter(b"")))
    assert "db" in port.address


def test_a_port_that_stays_goes_over_to_another_factory(ports):
    """The same port, without a moment in which it is closed."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    change = exchange(ports, wanted(MAIN, ANYWHERE, b"new"))
    assert (change.fresh, change.leaving) == ((), ())
    assert ask(place_of(port)) == b"new"


def test_a_port_that_nobody_wants_is_closed(ports):
    """And a new one is open."""
    old = place_of(turned(ports.open(wanted(MAIN, ANYWHERE))))
    change = exchange(ports, wanted(MORE, ANYWHERE, b"new"))
    assert ask(old) is None
    assert ask(place_of(change.fresh[0])) == b"new"
    assert {port.name for port in ports} == {MORE}


def test_a_port_changes_hands(ports):
    """Whoever wants the same place gets the port that is there."""
    first = turned(ports.open(wanted(MAIN, ANYWHERE)))
    place = at(first)
    exchange(ports, wanted(MAIN, place))
    other = PortName("store", "main")
    change = exchange(ports, wanted(other, place, b"new"))
    (port,) = ports
    assert (port.name, change.fresh) == (other, ())
    assert ask(place_of(port)) == b"new"


def test_who_stays_keeps_its_port_before_others_get_it(ports):
    """Two endpoints of one place are two ports of it."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    change = exchange(ports, wanted(MORE, ANYWHERE), wanted(MAIN, ANYWHERE))
    assert [kept.name for kept, _ in change.kept] == [MAIN]
    assert port.name == MAIN
    assert len([*ports]) == 2


def test_the_same_number_at_another_address_is_open_all_the_time(ports):
    """Although both cannot be had at once without more ado."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    number = port.port.getHost().port
    change = turned(ports.prepare([wanted(MAIN, f"tcp:{number}", b"new")]))
    assert ask(("127.0.0.1", number)) == b"old"
    ports.carry_out(change)
    turned(ports.finish(change))
    assert ask(("127.0.0.1", number)) == b"new"
    option = change.fresh[0].port.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    assert option == 0


def test_all_who_have_come_to_a_port_that_leaves_are_let_in_before(ports):
    """However few have come at once so far."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    assert ask(place_of(port)) == b"old"
    change = turned(ports.prepare([wanted(MORE, ANYWHERE)]))
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(place_of(port))) for _ in range(5)
        ]
        for one in clients:
            one.setblocking(False)
        ports.carry_out(change)
        turned(ports.finish(change))
        assert [turn(partial(received, one)) for one in clients] == [b"old"] * 5


def test_a_port_is_read_by_what_the_process_has_for_it():
    """It goes by where the door leads then."""
    read = []
    ports = Ports(reactor, reader=lambda port, door: lambda: read.append(accept(port, door)))

    def accept(port, door):
        port.socket.accept()[0].close()
        return door.leads_to.name

    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    assert ask(place_of(port)) == b""
    exchange(ports, wanted(MAIN, ANYWHERE, b"new"))
    assert ask(place_of(port)) == b""
    assert read == [b"old", b"new"]
    turned(ports.close())


def test_nobody_comes_in_before_all_is_ready(ports):
    """Who connects to a new port early is served a moment later."""
    turned(ports.open(wanted(MAIN, ANYWHERE)))
    change = turned(ports.prepare([wanted(MAIN, ANYWHERE), wanted(MORE, ANYWHERE, b"new")]))
    with socket.create_connection(place_of(change.fresh[0])) as early:
        early.setblocking(False)
        turned(pause())
        with pytest.raises(BlockingIOError):
            early.recv(10)
        ports.carry_out(change)
        assert turn(lambda: received(early)) == b"new"


def test_where_one_cannot_be_opened_none_is(ports):
    """All that cannot are named, with the reasons; the others are as they were."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        wishes = [
            wanted(MAIN, ANYWHERE, b"new"),
            wanted(PortName("shop", "fine"), ANYWHERE),
            wanted(MORE, f"tcp:{number}:interface=127.0.0.1"),
            wanted(PortName("shop", "odd"), "nonsense"),
        ]
        with pytest.raises(PortsError) as caught:
            turned(ports.prepare(wishes))
    first, second = str(caught.value).splitlines()
    assert first.startswith("proxy shop: endpoint more cannot listen at tcp:")
    assert first.endswith("Address already in use")
    assert "endpoint odd" in second
    assert [*ports] == [port]
    assert ask(place_of(port)) == b"old"


def test_where_a_foreign_process_has_the_new_address_the_old_one_stays(ports):
    """The port that is in the way of its own successor takes clients on."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    number = port.port.getHost().port
    with (
        socket.create_server(("127.0.0.2", number)),
        pytest.raises(PortsError, match="Address already in use"),
    ):
        turned(ports.prepare([wanted(MAIN, f"tcp:{number}:interface=127.0.0.2")]))
    assert ask(place_of(port)) == b"old"


def test_an_exchange_can_be_given_up(ports):
    """What was opened for it is closed, and nothing else has changed."""
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    change = turned(ports.prepare([wanted(MORE, ANYWHERE, b"new")]))
    opened = place_of(change.fresh[0])
    turned(ports.give_up(change))
    assert ask(opened) is None
    assert ask(place_of(port)) == b"old"


def test_a_unix_socket_gets_another_mode(ports, tmp_path):
    """It is the same socket, whatever its mode; without one it has Twisted's."""
    path = tmp_path / "shop.sock"
    turned(ports.open(wanted(MAIN, f"unix:{path}:mode=600")))
    for listen, mode in ((f"unix:address={path}:mode=660", 0o660), (f"unix:{path}", 0o666)):
        change = exchange(ports, wanted(MAIN, listen, b"new"))
        assert not change.fresh
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert ask(str(path)) == b"new"


def test_a_unix_socket_that_was_taken_away_is_no_trouble(ports, tmp_path):
    """Nobody reaches it any more, and that is not for us to mend."""
    path = tmp_path / "shop.sock"
    turned(ports.open(wanted(MAIN, f"unix:{path}")))
    path.unlink()
    exchange(ports, wanted(MAIN, f"unix:{path}:mode=600"))
    assert not path.exists()
    path.touch()  # Twisted takes it away in the end


def test_a_socket_that_was_given_is_used():
    """Whoever wants its place gets it; what nobody wants is closed."""
    given, left = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    number = given.getsockname()[1]
    places = [Given(MAIN, ANYWHERE, given), Given(MORE, ANYWHERE, left)]
    ports = Ports(reactor, places)
    port = turned(ports.open(wanted(MAIN, ANYWHERE)))
    assert port.port.getHost().port == number
    assert ask(("127.0.0.1", number)) == b"old"
    ports.close_given()
    assert left.fileno() == -1
    turned(ports.close())
    assert ask(("127.0.0.1", number)) is None


def test_what_was_given_is_taken_over(tmp_path):
    """A unix socket has the mode that is wanted now; one that nobody wants is gone."""
    wants, left = tmp_path / "wanted", tmp_path / "left"
    given = []
    for path in (wants, left):
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(path))
        one.listen()
        given.append(Given(MAIN, f"unix:{path}", one))
        path.with_name(f"{path.name}.lock").symlink_to("1")
    ports = Ports(reactor, given)
    turned(ports.open(wanted(MAIN, f"unix:{wants}:mode=640")))
    assert left.exists()
    ports.take_over()
    assert stat.S_IMODE(wants.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("left")] == []
    assert str((tmp_path / "wanted.lock").readlink()) == str(os.getpid())
    turned(ports.close())
    assert [*tmp_path.iterdir()] == []


def received(client):
    """What has come by now; None for nothing."""
    try:
        return client.recv(100)
    except BlockingIOError:
        return None


def pause():
    """Some turns of the reactor."""
    waiting = Deferred()
    reactor.callLater(0.05, waiting.callback, None)
    return waiting
