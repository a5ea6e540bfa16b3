"""Does the machine run on its battery? Preparing fixes is not worth draining it.

Linux reads /sys/class/power_supply and is tested. Windows asks GetSystemPowerStatus and macOS
`pmset -g batt`, both as documented but never run by our tests. A machine that cannot be asked
counts as plugged in.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SUPPLIES = Path("/sys/class/power_supply")


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """True when a battery that feeds the whole machine is being emptied. May take 20 ms."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return _linux(supplies)


def _linux(supplies: Path) -> bool:
    discharging = False
    for supply in sorted(supplies.glob("*")):
        kind = _read(supply / "type")
        if kind != "Battery" and _read(supply / "online") == "1":
            return False
        # A mouse or a keyboard has a battery too: its scope is "Device".
        if kind == "Battery" and _read(supply / "scope") != "Device":
            discharging |= _read(supply / "status") == "Discharging"
    return discharging


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _macos() -> bool:
    try:
        done = subprocess.run(
            ["pmset", "-g", "batt"], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "'Battery Power'" in done.stdout


def _windows() -> bool:
    import ctypes

    status = (ctypes.c_ubyte * 12)()  # SYSTEM_POWER_STATUS; its first byte is ACLineStatus
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - only there on Windows
    return bool(kernel.GetSystemPowerStatus(ctypes.byref(status))) and status[0] == 0
