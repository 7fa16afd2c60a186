"""Resource provider plugin: create, read, update and delete of our resource kinds."""
