from proxy.embedded.sources import (
    DEBIAN_MIRROR,
    Source,
    debian_mirror,
    machine_sources,
    own_archive,
    release,
)

STANZAS = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://inline.example/repo
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
"""

LINES = """\
# deb http://off.example/debian bookworm main
deb http://one.example/debian bookworm main contrib # trailing
deb [arch=amd64 signed-by=/k.gpg] http://two.example/pg bookworm-pgdg main
deb-src http://one.example/debian bookworm main
nonsense
"""


def test_stanza_form_gives_each_suite_and_skips_what_is_off(tmp_path):
    """A deb822 file yields its enabled binary sources, one for each suite."""
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(STANZAS)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    uri = "http://mirror.example/debian/"
    assert machine_sources(tmp_path) == (
        Source(uri, "bookworm", ("main", "contrib"), keyring),
        Source(uri, "bookworm-updates", ("main", "contrib"), keyring),
        Source("http://inline.example/repo", "bookworm", ("main",)),
    )


def test_one_line_form_is_read_with_its_options(tmp_path):
    """Lines of sources.list give binary sources; comments and nonsense give none."""
    (tmp_path / "sources.list").write_text(LINES)
    assert machine_sources(tmp_path) == (
        Source("http://one.example/debian", "bookworm", ("main", "contrib")),
        Source("http://two.example/pg", "bookworm-pgdg", ("main",), "/k.gpg"),
    )


def test_machine_without_apt_has_no_sources(tmp_path):
    """A missing folder is no error."""
    assert machine_sources(tmp_path / "none") == ()


def test_line_of_a_source_is_read_back_as_the_same_source(tmp_path):
    """What is written into the private sources.list is what was read."""
    source = Source("http://m.example/debian", "sid", ("main",), "/k.gpg")
    (tmp_path / "sources.list").write_text(source.line())
    assert machine_sources(tmp_path) == (source,)


def test_own_archive_leaves_out_third_parties():
    """Other suites and other components are not the distribution's own."""
    own = Source("http://m.example/debian", "bookworm-security", ("main",))
    others = (
        Source("http://pg.example/pg", "bookworm-pgdg", ("main",)),
        Source("http://docker.example", "bookworm", ("stable",)),
    )
    assert own_archive((*others, own), "bookworm") == (own,)


def test_mirror_of_the_main_archive_is_chosen_over_security_and_third_parties():
    """The mirror with -updates wins over a third party whose path looks the same."""
    sources = (
        Source("http://m.example/debian-security", "bookworm-security", ("main",)),
        Source("http://maria.example/repo/11.4/debian", "bookworm", ("main",)),
        Source("http://m.example/debian", "bookworm", ("main",)),
        Source("http://m.example/debian", "bookworm-updates", ("main",)),
    )
    assert debian_mirror(sources) == "http://m.example/debian"


def test_mirror_lists_of_cloud_images_are_mirrors():
    """The method mirror+file names a list of mirrors, and serves every suite."""
    uri = "mirror+file:///etc/apt/mirrors/debian.list"
    assert debian_mirror([Source(uri, "trixie", ("main",))]) == uri


def test_machine_without_a_debian_mirror_uses_debians_own():
    """Where nothing looks like Debian's archive, Debian's own address is used."""
    assert (
        debian_mirror([Source("http://u.example/ubuntu", "noble", ("main",))]) == DEBIAN_MIRROR
    )


def test_release_is_read_without_its_quotes(tmp_path):
    """os-release's values may be quoted; a machine without the file has none."""
    (tmp_path / "os").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n\n')
    assert release(tmp_path / "os") == {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    assert release(tmp_path / "none") == {}
