"""Domestic-data rules as pure functions; Pulumi enters only in policies/__main__.py."""
