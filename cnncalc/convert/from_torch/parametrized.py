"""Weights that a network computes from others at each call: which of the known ways it is."""

from __future__ import annotations

from ...trace import Weight


def parametrization(weight: Weight) -> str | None:
    """Return the word for how a weight is computed; None if it is trained itself.

    What only moves or multiplies values of one tensor leaves it as it is.
    """
    calls = {name.strip("_") for name in weight.made_by}
    if "weight_norm" in calls or "weight_norm_interface" in calls:
        return "weight_norm"
    if "batch_norm" in calls or calls & {"std_mean", "var_mean", "std", "var"}:
        scaled = len(weight.names) > 1
        return "scaled_weight_standardization" if scaled else "weight_standardization"
    return None
