"""What the language host runs: the resource plugin of this package."""

from kokunai.plugin.serving.process import main

main()
