"""The plugin's process and its protocol with the engine; it uses kinds only through `Kind`."""
