"""Starts the pack; `waivers.yaml` and `facts.yaml` beside this file are the project's own."""

from kokunai_policy import pack

pack.start(__file__)
