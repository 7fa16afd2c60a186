"""Runs Python programs, plugins and policy packs for an engine that came without its Python host."""
