"""The alliance on one machine: API emulator and real Linux hosts, simulated hardware labelled as such."""
