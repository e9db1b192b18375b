"""Reads where this machine fetches Debian's (or Ubuntu's) packages from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

APT_FOLDER = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN_MIRROR = "http://deb.debian.org/debian"

_ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)$"
)


@attrs.frozen
class Source:
    """
    One place that packages come from.

    Attributes:
        uri: the mirror.
        suite: such as ``bookworm-updates``.
        components: such as ``main``.
        signed_by: the path of the keyring, empty for the machine's default keyrings. Keys
            written into a ``.sources`` file itself are not carried over.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""

    def line(self) -> str:
        """The one-line form of sources.list(5)."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(self.components)}"


def release(path: Path = OS_RELEASE) -> dict[str, str]:
    """What os-release(5) says: ID, VERSION_CODENAME and more; empty without the file."""
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text("utf-8").splitlines())
    return {name: value.strip("\"'") for name, equals, value in pairs if equals}


def machine_sources(folder: Path = APT_FOLDER) -> tuple[Source, ...]:
    """
    All sources of packages in apt's folder, in both forms of sources.list(5).

    Args:
        folder: apt's configuration folder.

    Returns:
        Enabled binary sources, a `Source` for each pair of mirror and suite.
    """
    parts = folder / "sources.list.d"
    lists = [folder / "sources.list", *sorted(parts.glob("*.list"))]
    found: list[Source] = []
    for path in lists:
        if path.is_file():
            found += _one_line_form(path.read_text("utf-8", "replace"))
    for path in sorted(parts.glob("*.sources")):
        found += _stanza_form(path.read_text("utf-8", "replace"))
    return tuple(found)


def own_archive(sources: Iterable[Source], codename: str) -> tuple[Source, ...]:
    """
    Those sources that are the distribution's own archive for its own release.

    Third parties put their packages beside it under other suites (``bookworm-pgdg``) or
    other components (``stable``).
    """
    suites = {codename, f"{codename}-updates", f"{codename}-security"}
    return tuple(
        source for source in sources if source.suite in suites and "main" in source.components
    )


def debian_mirror(sources: Iterable[Source]) -> str:
    """
    The machine's mirror of Debian's main archive, which has every suite.

    Args:
        sources: the machine's own archive, see `own_archive`.

    Returns:
        The mirror that also has ``-updates``, as third parties' archives have not; else
        the first that looks like Debian's; else `DEBIAN_MIRROR`.
    """
    candidates = [
        source
        for source in sources
        if re.search(r"/debian(\.list)?/?$|archive/debian/", source.uri)
    ]
    candidates.sort(key=lambda source: not source.suite.endswith("-updates"))
    return candidates[0].uri if candidates else DEBIAN_MIRROR


def _one_line_form(text: str) -> Iterator[Source]:
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        found = _ONE_LINE.match(line)
        if found is None:
            continue
        pairs = (word.partition("=") for word in (found["options"] or "").split())
        options = {name: value for name, _, value in pairs}
        yield Source(
            found["uri"],
            found["suite"],
            tuple(found["components"].split()),
            options.get("signed-by", ""),
        )


def _stanza_form(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
            continue
        signed_by = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(
                    uri,
                    suite,
                    tuple(fields.get("components", "").split()),
                    signed_by if signed_by.startswith("/") else "",
                )


def _fields(stanza: str) -> Mapping[str, str]:
    """The fields of a deb822(5) stanza, names in lower case, continued lines joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in {" ", "\t"} and name:
            fields[name] += "\n" + line.strip()
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        fields[name] = value.strip()
    return fields
