"""`python -m kokunai.plugin ADDRESS`: the plugin without a plugin directory."""

from kokunai.plugin.serving.process import main

main()
