"""Build the front end (`js/` into `src/attnwidget/static/`) with the package."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEndBuildHook(BuildHookInterface):
    """Run npm; an sdist already carries the built files, so installing it needs no Node."""

    def initialize(self, _version: str, _build_data: dict[str, Any]) -> None:
        """Build, or say what to do."""
        root = Path(self.root)
        from_sdist = (root / "PKG-INFO").exists()
        static = root / "src/attnwidget/static"
        scripts = ("loader", "lab-loader", "figure", "notebook", "boot")
        names = [f"{one}.js" for one in scripts] + [f"{one}.js.gz" for one in ("widget", "lab", "figures", "page")]
        built = all((static / name).exists() for name in names)
        if os.environ.get("ATTNWIDGET_SKIP_JS") == "1" or (from_sdist and built):
            return
        npm = shutil.which("npm")
        if npm is None:
            msg = "The front end needs Node 20 with npm; ATTNWIDGET_SKIP_JS=1 builds without it."
            raise RuntimeError(msg)
        if not (root / "node_modules").exists():
            subprocess.run([npm, "ci"], cwd=root, check=True)
        subprocess.run([npm, "run", "build"], cwd=root, check=True)
