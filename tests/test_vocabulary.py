import pytest

from proxy.vocabulary import Role, ServerKind, kind_of


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
