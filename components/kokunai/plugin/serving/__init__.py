"""The plugin's process and its talk with the engine; it knows kinds only as `Kind`."""
