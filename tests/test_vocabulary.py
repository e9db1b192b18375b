import pytest

from proxy.vocabulary import Role, ServerKind, kind_of, unmapped, version_number


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("9.7.4-2", ServerKind.MYSQL),
        ("8.0.39-log", ServerKind.MYSQL),
        ("8.0.mysql_aurora.3.08.0", ServerKind.MYSQL),
        ("", ServerKind.MYSQL),
        ("5.5.5-10.11.19-MariaDB-0+deb12u1-log", ServerKind.MARIADB),
        ("11.4.2-MARIADB", ServerKind.MARIADB),
    ],
)
def test_a_version_text_tells_the_family(version, kind):
    """MariaDB writes its name into its version, in whatever case; others are MySQL's kin."""
    assert kind_of(version) is kind


def test_roles_have_the_names_of_rds_proxy():
    """Settings name a role by its value."""
    assert [Role(name) for name in ("READ_WRITE", "READ_ONLY")] == list(Role)


def test_families_are_called_as_people_call_them():
    """The value is what a log line says."""
    assert [kind.value for kind in ServerKind] == ["MySQL", "MariaDB"]


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("9.7.4-2", 90704),
        ("8.0.39-log", 80039),
        ("5.7.44", 50744),
        ("10.11.19-MariaDB", 101119),
        ("5.5.5-10.11.19-MariaDB-0+deb12u1-log", 101119),
        ("5.5.5-10.4.2-MariaDB", 100402),
        ("5.5.5-m3", 50505),
        ("5.5.68-MariaDB", 50568),
        ("11.4.2-MariaDB", 110402),
        ("8.0.mysql_aurora.3.08.0", 0),
        ("8.0", 0),
        ("", 0),
    ],
)
def test_a_version_text_becomes_a_number(version, number):
    """Versions can be compared; what MariaDB pretends to be for old replicas is passed over."""
    assert version_number(version) == number


def test_an_address_has_one_form():
    """What is mapped into IPv6 is the same client, whatever listener it came to."""
    assert unmapped("::ffff:10.0.0.1") == unmapped("10.0.0.1") == "10.0.0.1"
    assert [unmapped(address) for address in ("localhost", "::1", "2001:DB8::1")] == [
        "localhost",
        "::1",
        "2001:db8::1",
    ]
