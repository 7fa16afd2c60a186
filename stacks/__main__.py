"""The stack file becomes an environment, and its outputs are what a person needs next."""

import pulumi

from kokunai.environment import from_config

environment = from_config()

pulumi.export("nodes", environment.nodes)
pulumi.export("verified", environment.verified)
pulumi.export("login", environment.login)
pulumi.export("private_key_file", environment.private_key_file)
