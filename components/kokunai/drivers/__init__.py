"""How each seller is reached: a method is a call."""
