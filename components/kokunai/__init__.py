"""GPU clusters on domestic Japanese capacity, declared with Pulumi."""
