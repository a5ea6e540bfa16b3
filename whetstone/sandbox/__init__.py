"""Run code that nobody has vouched for, under limits, away from the user's files.

On Linux, where the kernel lets an ordinary user make namespaces, the command sees no network but
its own loopback, no processes but its own, a read-only file system, and empty /tmp and /run; it
can write a copy of the workspace and its own temporary folder, which are deleted afterwards. Its
memory, processes, output, time and file sizes are limited, and whatever it starts ends with it.

What this does not protect from:

- On macOS, Windows, and Linux without user namespaces (`RunResult.isolation` says "none"), the
  command runs as the user: it can reach the network and read and write the user's files. The copy
  protects from accidents there, not from malice. On Windows there are no memory limits either.
- Files the user can read can be read, secrets among them; with no network they cannot leave, but
  they can come out in the test's output.
- Faults of the kernel, and programs that read the clock or the load of the machine.
- Disk space is limited per file, not in all.

Nothing runs without the user's consent (`test.consent`, or `--test` on the command line).
"""

from whetstone.sandbox.process import Limits, RunResult, run
from whetstone.sandbox.walls import Level, available_level
from whetstone.sandbox.workspace import Copy, copied, test_in_copy

__all__ = [
    "Copy",
    "Level",
    "Limits",
    "RunResult",
    "available_level",
    "copied",
    "run",
    "test_in_copy",
]
