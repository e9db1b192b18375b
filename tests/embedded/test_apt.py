import pytest

from proxy.embedded import apt, sources

APT_GET = """\
#!/bin/sh
echo "$@" >> {folder}/calls
cp "$APT_CONFIG" {folder}/apt.conf
cp "$(dirname "$APT_CONFIG")/sources.list" {folder}/
if [ -f {folder}/fail-$1 ]; then echo 'Err:1 a mirror'; echo 'E: not signed'; exit 100; fi
if [ $1 = install ]; then
    echo 'Need to get 3 MB of archives.'
    for n in $(seq 20); do echo "Get:$n http://m.example/debian p$n"; done
    touch "$(dirname "$APT_CONFIG")/cache/archives/one_1_all.deb"
fi
"""

DPKG_DEB = """\
#!/bin/sh
if [ -f {folder}/fail-dpkg ]; then echo 'bad archive' >&2; exit 2; fi
mkdir -p "$3/usr/bin" && echo "$2" > "$3/usr/bin/one"
"""

APT_CONFIG = """\
#!/bin/sh
echo 'Acquire::http::Proxy "http://proxy.example:3128";'
echo 'Acquire::AllowInsecureRepositories "1";'
echo 'APT::Update::Post-Invoke:: "rm -f *.deb";'
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder with stand-ins for apt's programs, which are the only ones of their name."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {
        "apt-get": APT_GET,
        "dpkg-deb": DPKG_DEB,
        "apt-config": APT_CONFIG,
    }.items():
        (programs / name).write_text(text.replace("{folder}", str(tmp_path)))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(sources, "DEBIAN_KEYRING", keyring)
    own = sources.Source("http://m.example/debian", "bookworm", ("main",), "/own.gpg")
    monkeypatch.setattr(sources, "machine_sources", lambda: (own,))
    monkeypatch.setattr(sources, "release", lambda: {"VERSION_CODENAME": "bookworm"})
    return tmp_path


def test_packages_are_fetched_and_unpacked_once(machine):
    """The first call updates, downloads and unpacks; the second finds the tree."""
    told = []
    into = machine / "into"
    root = apt.unpack(["one", "two"], "sid", into, told.append)
    assert (root / "usr" / "bin" / "one").is_file()
    assert apt.unpack(["one", "two"], "sid", into, told.append) == root
    calls = (machine / "calls").read_text().splitlines()
    assert calls == ["update", "install -y --download-only one two"]
    assert told == [
        "reading the package lists of sid",
        "downloading one two and what it needs",
        "Need to get 3 MB of archives.",
        "downloaded 20 packages",
        "unpacking 1 packages",
    ]


def test_another_suite_comes_from_the_machines_mirror_under_debians_keys(machine):
    """The private sources.list names this machine's mirror and Debian's keyring."""
    apt.unpack(["one"], "sid", machine / "into", print)
    assert (machine / "sources.list").read_text() == (
        f"deb [signed-by={machine}/keyring.gpg] http://m.example/debian sid main\n"
    )


def test_own_suite_comes_from_the_machines_own_sources(machine):
    """Without a suite the machine's sources are taken over with their keys."""
    apt.unpack(["one"], apt.OWN_SUITE, machine / "into", print)
    assert (machine / "sources.list").read_text() == (
        "deb [signed-by=/own.gpg] http://m.example/debian bookworm main\n"
    )


def test_private_configuration_keeps_proxies_and_drops_hooks_and_insecurity(machine):
    """The fetch reaches the network as the machine says, and still demands signatures."""
    apt.unpack(["one"], "sid", machine / "into", print)
    text = (machine / "apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in text
    assert "Insecure" not in text
    assert "Post-Invoke" not in text


@pytest.mark.parametrize("step", ["update", "install"])
def test_failure_of_apt_is_told_in_its_words_and_leaves_nothing(machine, step):
    """A failed download raises what apt said, and the next call starts afresh."""
    (machine / f"fail-{step}").touch()
    into = machine / "into"
    with pytest.raises(apt.PackagesUnavailableError, match="Err:1 a mirror E: not signed"):
        apt.unpack(["one"], "sid", into, print)
    assert [path.name for path in into.iterdir()] == ["lock"]
    (machine / f"fail-{step}").unlink()
    assert apt.unpack(["one"], "sid", into, print).is_dir()


def test_archive_that_cannot_be_unpacked_is_named(machine):
    """A damaged package raises its name and dpkg's words."""
    (machine / "fail-dpkg").touch()
    with pytest.raises(apt.PackagesUnavailableError, match=r"one_1_all\.deb: bad archive"):
        apt.unpack(["one"], "sid", machine / "into", print)


def test_interrupt_while_apt_works_ends_apt(machine):
    """Whoever breaks off in the middle does not wait for the download to end."""
    (machine / "programs" / "apt-get").write_text("#!/bin/sh\necho Get:1\nexec sleep 100\n")

    def interrupt(_):
        raise KeyboardInterrupt

    (machine / "apt.conf").touch()
    with pytest.raises(KeyboardInterrupt):
        apt._run_apt(machine / "apt.conf", ["update"], interrupt)


def test_machine_without_apt_is_told_so(machine, monkeypatch):
    """Where apt is missing the error says that, and nothing is tried."""
    monkeypatch.setenv("PATH", str(machine))
    with pytest.raises(apt.PackagesUnavailableError, match="no apt-get"):
        apt.unpack(["one"], "sid", machine / "into", print)


def test_missing_keyring_is_named_with_its_package(machine, monkeypatch):
    """Without Debian's keys nothing is fetched unchecked."""
    monkeypatch.setattr(sources, "DEBIAN_KEYRING", machine / "none.gpg")
    with pytest.raises(apt.PackagesUnavailableError, match="debian-archive-keyring"):
        apt.unpack(["one"], "sid", machine / "into", print)


def test_machine_without_an_archive_of_its_own_is_told_so(machine, monkeypatch):
    """The own suite needs sources that name it."""
    monkeypatch.setattr(sources, "machine_sources", lambda: ())
    with pytest.raises(apt.PackagesUnavailableError, match="no archive"):
        apt.unpack(["one"], apt.OWN_SUITE, machine / "into", print)
