"""The stack file becomes an environment, and its outputs are what a person needs next."""

import pulumi

import kokunai

environment = kokunai.Environment.from_config()

pulumi.export("nodes", environment.nodes)
pulumi.export("verified", environment.verdicts)
pulumi.export("private_key_file", environment.private_key_file)
if environment.contracts:
    pulumi.export("contracts", environment.contracts)
