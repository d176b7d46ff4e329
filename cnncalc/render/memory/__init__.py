"""Writes the memory of a network: four figures, the peak, and the batches that fit."""
