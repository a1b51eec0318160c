"""Fetch the widget managers of other hosts that the browser tests load, from the npm registry, by their checksums.

What cannot be had is said, and its tests are skipped.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests/browser/managers"
PACKAGES = {  # what is taken of each, and the checksum of its archive
    "@jupyter-widgets/html-manager@1.0.14": (
        "package/dist/embed-amd.js",
        "wglgQQ+VMj+MBKkTttdeoMtOah/H2A1w5GU1OAVXmDQqZYTK6C+oHZjQMxcNezIpiqUjC1YHKOo5XdP3ENvBng==",
    ),
    "@jupyter-widgets/html-manager@0.20.6": (
        "package/dist/libembed-amd.js",
        "n2hawndvJJlx0VXMDT6K80fTgfrTReOE3UjKMraLkaL7CLqXs9fx/GBtciDceYhOTqLzh3NwvAwgNp9D448Ihg==",
    ),
    "@vscode/jupyter-ipywidgets8@1.0.9": (
        "package/dist/ipywidgets.js",
        "bocCThfa4JDIDd7qCFAfW3HpzHfTLYxOTpTbiDfw4DXOUjKHnr6ObkMBiIkuzYPRybh5bY4FhYLemuDuTvIbpQ==",
    ),
    "requirejs@2.3.7": (
        "package/require.js",
        "DouTG8T1WanGok6Qjg2SXuCMzszOo0eHeH9hDZ5Y4x8Je+9JB38HdTLT4/VA8OaUhBa0JPVHJ0pyBkM1z+pDsw==",
    ),
}


def path_of(package: str) -> Path:
    """Return where a package's file is kept."""
    return FOLDER / f"{package.removeprefix('@').replace('/', '-')}.js"


def fetch(package: str) -> None:
    """Fetch one package, check it and keep the one file."""
    member, checksum = PACKAGES[package]
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is not there")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, package]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        archive = next(Path(folder).glob("*.tgz"))
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != checksum:
            raise OSError(f"its checksum is {found}")
        with tarfile.open(archive) as tar:
            content = tar.extractfile(member).read()
    FOLDER.mkdir(exist_ok=True)
    path_of(package).write_bytes(content)


if __name__ == "__main__":
    for package in PACKAGES:
        if path_of(package).exists():
            continue
        try:
            fetch(package)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{package} cannot be had, its tests will be skipped: {error}")
