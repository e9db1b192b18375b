import attrs
import pytest

from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.template import last_words, new_data_folder

SERVER = """\
#!/bin/sh
for word in "$@"; do case $word in --datadir=*) data=${{word#--datadir=}};; esac; done
echo run >> {calls}
cat > "$data/fed"
for name in {files}; do touch "$data/$name"; done
echo '[Note] here'; echo '[ERROR] the disk is full' >&2
exit {status}
"""

KEYS = "auto.cnf ca.pem server-cert.pem server-key.pem private_key.pem public_key.pem"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes a stand-in for a server: files it creates, and how it ends."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "share").mkdir()

    def write(flavor, files=KEYS, status=0):
        path = tmp_path / "mysqld"
        path.write_text(SERVER.format(calls=tmp_path / "calls", files=files, status=status))
        path.chmod(0o755)
        return Distribution(flavor, "9.7.4", path)

    return write


def test_second_data_folder_is_a_copy_of_the_first(make, tmp_path):
    """The server initialises once; each folder gets all but the server's own identity."""
    programs = make(Flavor.MYSQL)
    told = []
    for name in ("one", "two"):
        new_data_folder(programs, tmp_path / name, told.append)
        assert (tmp_path / name / "private_key.pem").exists()
        assert not (tmp_path / name / "auto.cnf").exists()
    assert (tmp_path / "calls").read_text() == "run\n"
    assert told == [f"initialising a data folder for MySQL 9.7.4 ({tmp_path}/mysqld)"]


def test_changed_program_initialises_anew(make, tmp_path):
    """An upgraded server does not get the tables of its predecessor."""
    new_data_folder(make(Flavor.MYSQL), tmp_path / "one", print)
    new_data_folder(make(Flavor.MYSQL, KEYS + " more"), tmp_path / "two", print)
    assert (tmp_path / "two" / "more").exists()


def test_failure_tells_the_servers_own_error(make, tmp_path):
    """What the server said is in the error, notes left out, and no folder is made."""
    with pytest.raises(
        ServerFailedError, match=r"exit status 1.*\n\[ERROR\] the disk is full$"
    ):
        new_data_folder(make(Flavor.MYSQL, status=1), tmp_path / "one", print)
    assert not (tmp_path / "one").exists()


def test_mysql_without_keys_is_refused(make, tmp_path):
    """Without its RSA key caching_sha2_password cannot log in over plain TCP."""
    programs = make(Flavor.MYSQL, KEYS.replace("private_key.pem", ""))
    with pytest.raises(ServerFailedError, match=r"without private_key\.pem"):
        new_data_folder(programs, tmp_path / "one", print)


def test_program_that_cannot_be_run_is_told(make, tmp_path):
    """A program that is no program raises the package's own error."""
    programs = make(Flavor.MYSQL)
    programs.server.write_bytes(b"\x7fELF")
    with pytest.raises(ServerFailedError, match="cannot make a data folder"):
        new_data_folder(programs, tmp_path / "one", print)


def test_mariadb_is_fed_its_own_scripts_and_keeps_one_account(make, tmp_path):
    """The SQL beside the server makes the tables; accounts for TCP are removed again."""
    names = ["system_tables", "performance_tables", "system_tables_data", "sys_schema"]
    for name in names:
        (tmp_path / "share" / f"mysql_{name}.sql").write_text(f"-- {name}\n")
    (tmp_path / "share" / "maria_add_gis_sp_bootstrap.sql").write_text("-- gis\n")
    programs = attrs.evolve(make(Flavor.MARIADB), share=tmp_path / "share")
    new_data_folder(programs, tmp_path / "one", print)
    fed = (tmp_path / "one" / "fed").read_text()
    order = [line for line in fed.splitlines() if line.startswith("--")]
    assert order == [f"-- {name}" for name in [*names[:3], "gis", names[3]]]
    assert "DELETE FROM mysql.global_priv WHERE Host <> 'localhost'" in fed


def test_mariadb_without_its_scripts_is_refused(make, tmp_path):
    """A server whose package is not whole is told apart from one that fails."""
    programs = make(Flavor.MARIADB)
    with pytest.raises(ServerFailedError, match="was not found beside it"):
        new_data_folder(programs, tmp_path / "one", print)
    programs = attrs.evolve(programs, share=tmp_path / "share")
    with pytest.raises(ServerFailedError, match=r"system_tables\.sql is missing"):
        new_data_folder(programs, tmp_path / "one", print)


def test_last_words_are_the_errors_else_the_tail():
    """A log's errors say most; where it has none its end must do."""
    assert last_words("[Note] a\n[ERROR] b\n[Note] c\n") == "[ERROR] b"
    assert last_words("\n".join("abcdefghij")) == "\n".join("cdefghij")
