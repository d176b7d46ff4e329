"""How long a network takes on a device: a roofline of each kernel, with a few coefficients."""

from pathlib import Path

SUITE = Path(__file__).with_name("suite")  # the specs of a calibration
