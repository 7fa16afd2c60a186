"""The kinds of Acme."""
