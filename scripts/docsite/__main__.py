"""``python -m docsite``: build the site, whole or not at all."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docsite import check, mend, stage

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="docsite", description="Build the documentation site.")
    parser.add_argument("-o", "--output", default="site", help="the folder to build (site)")
    parser.add_argument("--keep", metavar="FOLDER", help="where to leave what Sphinx read, to look at")
    args = parser.parse_args()
    output = Path(args.output).resolve()
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "source"), Path(folder, "built")
        stage.write(ROOT, source)
        if args.keep:
            shutil.copytree(source, args.keep, dirs_exist_ok=True)
        sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", str(source), str(built)]
        if code := subprocess.run(sphinx, check=False).returncode:
            return code
        for unwanted in (".doctrees", ".buildinfo", "objects.inv"):
            path = built / unwanted
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        mend.mend(built)
        if faults := check.faults(built):
            print("\n".join(faults), file=sys.stderr)
            return 1
        shutil.rmtree(output, ignore_errors=True)
        shutil.move(built, output)
    print(f"{output / 'index.html'}: {check.summary(output)}")
    return 0


sys.exit(main())
