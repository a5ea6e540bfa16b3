"""Whether the machine runs on its battery, read from folders like those of Linux."""

import sys

import pytest

from whetstone.power import on_battery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /sys/class/power_supply")

BATTERY = {"type": "Battery", "status": "Discharging"}
MAINS = {"type": "Mains", "online": "1"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"BAT0": BATTERY}, True),
        ({"BAT0": {**BATTERY, "status": "Charging"}}, False),
        ({"BAT0": BATTERY, "AC": MAINS}, False),
        ({"BAT0": BATTERY, "AC": {**MAINS, "online": "0"}}, True),
        ({"BAT0": BATTERY, "ucsi": {"type": "USB", "online": "1"}}, False),
        ({"mouse": {**BATTERY, "scope": "Device"}}, False),
        ({"odd": {}}, False),
    ],
)
def test_on_battery(tmp_path, supplies, expected):
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text + "\n")
    assert on_battery(tmp_path) is expected


def test_a_machine_that_cannot_be_asked_counts_as_plugged_in(tmp_path):
    assert on_battery(tmp_path / "nowhere") is False
