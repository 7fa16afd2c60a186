"""`python -m kokunai.plugin ADDRESS`: the plugin without a plugin directory."""

from kokunai.plugin.serve import main

main()
