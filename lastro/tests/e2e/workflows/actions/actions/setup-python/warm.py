"""A .venv in the checkout that takes its packages from one that is installed already, where the lock is the same.

What a runner's warm cache of packages does in minutes is done in a second; with another lock nothing is done here,
and `make setup` installs. The code of the checkout comes first on the path.
"""

import os
import subprocess
import sys
from pathlib import Path

warm, lock = Path(os.environ["STAND_INS_WARM"]), Path("requirements/runtime.lock")
if not lock.exists() or lock.read_bytes() != Path(os.environ["STAND_INS_WARM_LOCK"]).read_bytes():
    sys.exit()
venv = Path(".venv").absolute()
subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
version = f"python{sys.version_info.major}.{sys.version_info.minor}"
paths = [Path("lastro/src").absolute(), Path("src").absolute(), warm / "lib" / version / "site-packages"]
(venv / "lib" / version / "site-packages" / "warm.pth").write_text("".join(f"{path}\n" for path in paths))
for script in (warm / "bin").iterdir():
    target = venv / "bin" / script.name
    if target.exists() or script.name.lower().startswith("activate"):
        continue
    first, newline, rest = script.read_bytes().partition(b"\n")
    if first.startswith(f"#!{warm}".encode()):
        target.write_bytes(f"#!{venv}/bin/python".encode() + newline + rest)
        target.chmod(0o755)
    else:
        target.symlink_to(script)
for stamp in ("python", "runtime"):
    (venv / stamp).touch()
