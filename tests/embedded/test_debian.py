import pytest

from proxy.embedded import debian, sources
from proxy.embedded.distribution import Flavor
from proxy.embedded.local import start_local


@pytest.fixture(autouse=True)
def own_cache(request, tmp_path, monkeypatch):
    """A cache of its own, except for live tests, which would download each time."""
    if request.node.get_closest_marker("live") is None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_programs_are_run_by_the_loader_of_their_own_tree():
    """The loader and every folder of libraries of the tree come before the program."""
    root = debian.package_folder(["one"], "sid") / "root"
    for folder in ("usr/lib64", "usr/lib/x86_64-linux-gnu", "usr/lib/mysql/private"):
        (root / folder).mkdir(parents=True)
    (root / "usr/lib64/ld-linux-x86-64.so.2").touch()
    assert debian.tool("one", "usr/bin/one", "sid", print) == (
        f"{root}/usr/lib64/ld-linux-x86-64.so.2",
        "--library-path",
        f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/mysql/private",
        f"{root}/usr/bin/one",
    )


@pytest.mark.live
def test_galera_library_is_unpacked():
    """The file that a server loads is there after the call."""
    assert debian.galera_library(print).is_file()


def test_tree_without_a_c_library_is_refused(tmp_path):
    """Packages that do not bring a loader cannot be run by one."""
    with pytest.raises(debian.PackagesUnavailableError, match="C library"):
        debian.private_loader(tmp_path)


def test_ubuntu_has_mysql_in_its_own_suite_under_either_name(monkeypatch, tmp_path):
    """The versioned name is tried when the suite does not have the plain one."""
    monkeypatch.setattr(sources, "release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "n"})
    asked = []

    def unpack(packages, suite, *_):
        asked.append((*packages, suite))
        if len(asked) == 1:
            raise debian.PackagesUnavailableError("no such package")
        return tmp_path

    monkeypatch.setattr(debian, "unpack", unpack)
    with pytest.raises(debian.PackagesUnavailableError, match="C library"):
        debian.server(Flavor.MYSQL, print)
    assert asked == [("mysql-server-core", ""), ("mysql-server-core-8.0", "")]


@pytest.mark.live
@pytest.mark.parametrize("flavor", list(Flavor), ids=lambda flavor: flavor.value)
def test_unpacked_server_starts_and_answers(flavor):
    """Both flavors run from unpacked packages by their own loader, nothing installed."""
    programs = debian.server(flavor, print)
    assert "--library-path" in programs.launcher
    with start_local(programs, print) as server:
        [[version]] = server.execute("SELECT VERSION()")
    assert version.startswith(programs.version)
