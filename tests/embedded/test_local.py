import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pymysql
import pytest

from proxy.embedded import Flavor, ServerFailedError, start_local_server
from proxy.embedded import local as local_module
from proxy.embedded.certificates import Authority
from proxy.embedded.local import start_local


@pytest.fixture(params=list(Flavor), ids=lambda flavor: flavor.value)
def server(request):
    """A server of its own for a test that stops it."""
    with start_local_server(request.param) as started:
        yield started


def quiet(_line):
    pass


@pytest.mark.live
def test_stopped_server_starts_again_on_its_port_with_its_data(server):
    """Stop and start keep the port, the accounts and the rows."""
    server.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
    server.execute("INSERT INTO shop.a VALUES (7)")
    server.start()
    port, first = server.port, server.pid
    server.stop()
    assert not server.is_running()
    assert server.pid is None
    with pytest.raises(pymysql.err.OperationalError):
        server.connect()
    server.start()
    assert server.execute("SELECT * FROM shop.a") == ((7,),)
    assert server.port == port
    assert server.pid != first


@pytest.mark.live
def test_killed_server_loses_no_committed_row(server):
    """What was committed before a kill is there after the restart."""
    server.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
    server.execute(*[f"INSERT INTO shop.a VALUES ({number})" for number in range(50)])
    server.kill()
    assert not server.is_running()
    server.start()
    assert server.execute("SELECT COUNT(*) FROM shop.a") == ((50,),)


@pytest.mark.live
def test_closed_server_leaves_neither_process_nor_folder(server):
    """Close ends the process and removes the folder; closing twice is no error."""
    pid = server.pid
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert server.socket_path.is_socket()
    server.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not server.folder.exists()
    server.close()


@pytest.mark.live
def test_frozen_server_answers_once_it_is_thawed(server):
    """A query to a frozen server hangs on an open connection, and returns when it is thawed."""
    with server.connect() as connection, connection.cursor() as cursor:
        server.freeze()
        assert server.is_frozen()
        assert server.is_running()
        with pytest.raises(pymysql.err.OperationalError):
            server.connect(read_timeout=0.2)
        assert server.ask("SELECT 1") == ()
        asked = threading.Thread(target=cursor.execute, args=("SELECT 7",))
        asked.start()
        asked.join(0.2)
        assert asked.is_alive()
        server.thaw()
        asked.join(30)
        assert cursor.fetchall() == ((7,),)
    assert not server.is_frozen()
    assert server.ask("SELECT 1") == ((1,),)
    assert server.ask("SELECT SLEEP(60)", limit_seconds=0.2) == ()


@pytest.mark.live
def test_frozen_server_can_be_killed_started_and_closed(server):
    """What is frozen ends all the same, and is not frozen when it starts again."""
    server.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
    server.freeze()
    server.kill()
    assert not server.is_frozen()
    for change in (server.freeze, server.thaw):
        with pytest.raises(ServerFailedError, match=f"port {server.port} does not run"):
            change()
    server.start()
    assert server.execute("SELECT COUNT(*) FROM shop.a") == ((0,),)
    server.freeze()
    server.close()
    assert not server.folder.exists()


@pytest.mark.live
def test_renewed_server_is_empty_and_keeps_its_port_and_password(server):
    """New data have no row and no history, and another number among servers."""
    server.execute("CREATE DATABASE shop", "CREATE TABLE shop.a (i INT)")
    before = server.port, server.password
    [[number]] = server.execute("SELECT @@server_id")
    server.renew(quiet)
    assert (server.port, server.password) == before
    name = "gtid_executed" if server.flavor is Flavor.MYSQL else "gtid_binlog_pos"
    assert server.execute(f"SELECT @@GLOBAL.{name}") == (("",),)
    assert server.execute("SHOW DATABASES LIKE 'shop'") == ()
    assert server.execute("SELECT @@server_id") != ((number,),)


@pytest.mark.live
def test_account_without_a_password_cannot_come_by_tcp(server):
    """Only the password made up for this server opens it from the network."""
    with pytest.raises(pymysql.err.OperationalError) as refused:
        server.connect(password="")
    assert refused.value.args[0] == 1045
    hosts = server.execute("SELECT Host FROM mysql.user WHERE User = 'root'")
    assert sorted(hosts) == [("%",), ("localhost",)]


@pytest.mark.live
def test_new_server_has_an_empty_gtid_history(server):
    """Its own account is not in the binary log, so that any server can follow any other."""
    name = "gtid_executed" if server.flavor is Flavor.MYSQL else "gtid_binlog_pos"
    assert server.execute(f"SELECT @@GLOBAL.{name}") == (("",),)


@pytest.mark.live
def test_server_that_refuses_its_settings_tells_its_own_error(server, monkeypatch):
    """A start that fails raises the server's words and leaves no folder."""
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setattr(tempfile, "gettempdir", lambda: place)
        with pytest.raises(
            ServerFailedError, match=r"(?s)ended while starting.*no-such-option"
        ):
            start_local(server.distribution, quiet, settings={"no-such-option": "1"})
        assert list(Path(place).iterdir()) == []


@pytest.mark.live
def test_server_that_cannot_use_its_certificate_does_not_serve_without(server, tmp_path):
    """A key of another certificate is told in the server's words, on a restart as well."""
    authority = Authority.make()
    files = authority.issue().write(tmp_path)
    key = files.key.read_bytes()
    files.key.write_bytes(authority.issue().key_pem)
    with pytest.raises(ServerFailedError, match="private key"):
        start_local(server.distribution, quiet, tls=files)
    files.key.write_bytes(key)
    with start_local(server.distribution, quiet, tls=files) as second:
        second.stop()
        files.key.unlink()
        with pytest.raises(ServerFailedError, match="private key"):
            second.start()
        assert not second.is_running()


@pytest.mark.live
def test_taken_port_is_given_up_for_another(server, monkeypatch):
    """A port that somebody took before the server could is not insisted on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], local_module.free_port()]
        wanted = list(ports)
        monkeypatch.setattr(local_module, "free_port", lambda: ports.pop(0))
        with start_local(server.distribution, quiet) as second:
            assert second.port == wanted[1]
            assert second.execute("SELECT 1") == ((1,),)


@pytest.mark.live
def test_port_that_is_always_taken_is_told(server, monkeypatch):
    """After some attempts the server's own words about its port are raised."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(local_module, "free_port", lambda: port)
        monkeypatch.setattr(local_module, "_PORT_ATTEMPTS", 2)
        with pytest.raises(local_module.PortTakenError):
            start_local(server.distribution, quiet)


@pytest.mark.live
def test_server_that_is_not_ready_in_time_is_ended(server, monkeypatch):
    """A start past its deadline raises, and the process is gone."""
    server.stop()
    monkeypatch.setattr(local_module, "START_LIMIT_SECONDS", 0)
    with pytest.raises(ServerFailedError, match="not ready within 0 s"):
        server.start()
    assert not server.is_running()


CRASH = """
import time
from proxy.embedded import Flavor, start_local_server
server = start_local_server(Flavor(%r))
print(server.pid, server.folder, flush=True)
time.sleep(120)
"""


@pytest.mark.live
@pytest.mark.parametrize("flavor", list(Flavor), ids=lambda flavor: flavor.value)
def test_server_of_a_crashed_process_goes_with_it(flavor):
    """When the process that started a server is killed, the server and its folder go too."""
    with subprocess.Popen(
        [sys.executable, "-c", CRASH % flavor.value],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as body:
        pid, folder = body.stdout.readline().split()
        os.kill(body.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() or Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_temporary_folder_with_a_long_path_is_not_used(monkeypatch, tmp_path):
    """A Unix socket's path has 107 bytes: a long TMPDIR is passed over."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(long))
    folder = local_module._new_folder()
    folder.rmdir()
    assert folder.parent == Path("/tmp")


def test_no_usable_temporary_folder_is_told(monkeypatch):
    """Where no temporary folder can be written the error names the variable to set."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ServerFailedError, match="TMPDIR"):
        local_module._new_folder()
