"""Carries out the steps of the Dockerfile without a container engine: `make image`.

Each stage is a Debian of its own in a folder, made by mmdebstrap, in which the steps are run by
chroot; so it takes root, and some minutes.  Where packages come from is what this machine is
told by its own configuration of apt and pip.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RELEASES = {"debian:bookworm-slim": "bookworm"}
SETTINGS = ("/etc/apt", "/etc/pip.conf", "/etc/xdg/pip", "/etc/resolv.conf", "/etc/hosts")
SETTINGS_OF_THE_USER = (".config/pip", ".pip")
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
TRUSTED_THERE = "/trusted-by-this-machine.crt"
LIMIT_SECONDS = 1200


class Stage:
    """One stage: a system in a folder, and what the steps so far have said of it."""

    def __init__(self, folder: Path, image: str) -> None:
        self.folder = folder
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        }
        self.user = "0"
        self.said: dict[str, str] = {}
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", RELEASES[image], str(folder)],
            check=True,
            timeout=LIMIT_SECONDS,
        )
        for path in (*SETTINGS, *(str(Path.home() / one) for one in SETTINGS_OF_THE_USER)):
            self._lay_in(Path(path))
        if TRUSTED.exists():
            # Beside the bundle of the stage's own, which a step may make anew.
            shutil.copyfile(TRUSTED, self.folder / TRUSTED_THERE[1:])

    def _lay_in(self, path: Path) -> None:
        there = self.folder / path.relative_to("/")
        if path.is_dir():
            shutil.copytree(path, there, dirs_exist_ok=True, symlinks=True)
        elif path.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)

    def run(self, *command: str) -> str:
        """What a command in it prints; it has to end well."""
        passed = {name: value for name, value in os.environ.items() if name[:4] == "PIP_"}
        if TRUSTED.exists():
            passed["PIP_CERT"] = TRUSTED_THERE
        done = subprocess.run(
            ["chroot", f"--userspec={self.user}", str(self.folder), *command],
            env={"HOME": "/root", **passed, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LIMIT_SECONDS,
        )
        return done.stdout

    def copy(self, sources: list[Path], target: str) -> None:
        """Files and folders into it."""
        place = self.folder / target.lstrip("/")
        for source in sources:
            into = place / source.name if target.endswith("/") else place
            into.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, into, symlinks=True, dirs_exist_ok=True, ignore=leave)
            else:
                shutil.copy2(source, into)


def steps(text: str) -> list[tuple[str, str]]:
    """The instructions and what stands behind them, lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def build(folder: Path) -> Stage:
    """Carry out all steps; the last stage is the image."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for word, rest in steps((ROOT / "Dockerfile").read_text()):
        print(f"{word} {rest}", flush=True)
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            stage = stages[name] = Stage(folder / (name or "image"), image)
            continue
        assert stage is not None
        if word == "RUN":
            print(stage.run("/bin/sh", "-c", rest), end="", flush=True)
        elif word == "COPY":
            *sources, target = [one for one in shlex.split(rest) if not one.startswith("--")]
            other = re.match(r"--from=(\w+)", rest)
            top = stages[other[1]].folder if other else ROOT
            stage.copy([top / source.lstrip("/") for source in sources], target)
        elif word == "ENV":
            name, _, value = rest.partition("=")
            stage.environment[name] = value.replace("$PATH", stage.environment["PATH"])
        elif word == "USER":
            stage.user = rest
        else:
            stage.said[word] = rest
    assert stage is not None
    return stage


def main() -> None:
    """Build, and look whether what comes of it is a proxy."""
    for program in ("mmdebstrap", "chroot"):
        if os.geteuid() != 0 or shutil.which(program) is None:
            sys.exit("this takes root, and mmdebstrap; on Debian: apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="mysqlproxy-image-") as name:
        image = build(Path(name))
        entry = json.loads(image.said["ENTRYPOINT"])
        compose = yaml.safe_load((ROOT / "etc" / "compose.yaml").read_text())
        there = image.folder / "etc" / "mysqlproxy" / "mysqlproxy.yaml"
        there.write_text(compose["configs"]["proxy"]["content"])
        print(image.run(*entry, "--version"), end="")
        print(image.run(*entry, "check-config"), end="")
        assert json.loads(image.said["CMD"]) == ["run"]
        image.run(*entry, "run", "--help")
    print("The steps of the Dockerfile work.")


if __name__ == "__main__":
    main()
