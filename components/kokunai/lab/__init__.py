"""The alliance on one machine: an API emulator and real Linux hosts with simulated hardware."""
