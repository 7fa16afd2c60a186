"""The kind that configures hosts: playbooks, run in a child process and followed."""
