"""Solves for the best values of parameters, sizes and settings under budgets."""
