"""`whetstone prefs browse`: the store in datasette, for the eyes of its owner alone.

Other users of the machine can reach loopback ports, so every request must carry a secret that is
made for this run (gate.py). The file is opened read-only, while servers and the trainer write.
"""

from __future__ import annotations
