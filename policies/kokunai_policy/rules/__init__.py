"""The rules: a YAML file each, and the functions that judge where no stock check fits."""
