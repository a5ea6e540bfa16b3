"""Programs that run inside the sandbox, in the workspace's own Python (3.9 or newer).

They are copied into the sandbox's folder and import the standard library, pytest where it is, and
each other by their bare names; nothing of Whetstone is installed there.
"""
