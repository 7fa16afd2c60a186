"""Kinds for capacity that a contract hands over."""
