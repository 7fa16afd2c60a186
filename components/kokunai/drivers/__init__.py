"""Clients of the sellers' APIs, where one method makes one call."""
