"""`kokunai`: what pulumi itself does not do."""
