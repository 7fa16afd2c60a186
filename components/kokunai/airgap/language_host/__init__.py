"""Runs Python code for an engine that came without its Python host."""
