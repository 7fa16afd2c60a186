"""The alliance on one machine: emulated APIs and real Linux hosts with simulated hardware."""
