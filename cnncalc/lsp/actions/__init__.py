"""Code actions: each file knows one change of a text that an editor offers."""
