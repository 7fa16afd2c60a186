"""Machines, networks and shares that a contract hands over."""
