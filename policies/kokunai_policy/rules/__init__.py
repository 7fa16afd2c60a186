"""The rules, one YAML file each, and judging functions for what no stock check covers."""
