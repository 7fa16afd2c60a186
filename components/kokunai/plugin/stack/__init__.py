"""What belongs to a whole stack and to no seller."""
