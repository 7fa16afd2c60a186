"""The kind `Configuration`, which runs the playbooks on hosts in a process of its own."""
