"""Writes networks as source of torch."""
