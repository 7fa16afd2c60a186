"""The Pulumi resource provider: creates, reads, updates and deletes the package's kinds."""
