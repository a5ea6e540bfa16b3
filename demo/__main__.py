"""`make demo`: the main job on a buggy file that ships with the project.

Works on a copy, with a preference store of its own, so that trying it out teaches nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="whetstone-demo-") as folder:
        work = Path(folder)
        file = work / "inventory.py"
        shutil.copyfile(_HERE / "inventory.py", file)
        environment = {**os.environ, "WHETSTONE_DATA": str(work / "data")}

        def run(*arguments: str) -> int:
            command = [sys.executable, "-m", "whetstone", *arguments]
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603

        asks = sys.stdin.isatty() and "--yes" not in sys.argv
        print(f"A file with bugs: demo/{file.name}. ", end="")
        print("Accept or reject each fix." if asks else "Every proven fix is accepted.", flush=True)
        status = run("fix", str(file), *([] if asks else ["--yes"]))
        if status == 2:
            return status
        print("\nWhat Whetstone remembers of these choices, and will train on:\n", flush=True)
        run("prefs", "list")
        print(
            "\nNext: `whetstone fix YOUR_FILE.py`, an editor (README.md), "
            "or `make test` and `trainer retrain`."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
