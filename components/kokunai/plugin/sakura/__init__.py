"""The kinds of Sakura's IaaS, one Python module each, and the code that they share."""
