"""The language server: what editors show and do while a spec is typed, one file per request."""
