"""What the language host runs: the resource plugin of this package."""

from kokunai.plugin.__main__ import main

main()
