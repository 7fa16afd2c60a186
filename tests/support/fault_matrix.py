"""How much of the fault matrix runs: a sample, or all of it with KOKUNAI_FAULTS=all."""

import os

IS_ALL = os.environ.get("KOKUNAI_FAULTS") == "all"
