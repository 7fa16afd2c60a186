"""The kinds of Sakura's IaaS, each a module, and what they share."""
