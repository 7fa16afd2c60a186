"""The lab: sellers' APIs emulated on one machine, with real Linux hosts and simulated hardware."""
