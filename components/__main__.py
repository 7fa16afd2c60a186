"""What the language host runs: the resource plugin of this package."""

from kokunai.plugin.serve import main

main()
