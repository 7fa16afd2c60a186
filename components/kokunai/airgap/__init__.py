"""Closed networks: the Pulumi engine built from Go modules, and a language host for Python."""
