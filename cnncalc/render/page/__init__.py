"""The page of a network: one HTML file with its graph, table, memory and more.

Python makes the data (`network.py` and what it calls); the scripts and styles in `app/` show it,
with the libraries in `vendored/`. `document.py` puts all of it into one file.
"""
