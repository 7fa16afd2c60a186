"""What makes sense in a stack file or as an argument of a component, beyond its form."""
