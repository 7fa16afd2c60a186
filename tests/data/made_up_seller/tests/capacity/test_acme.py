"""The made-up driver `acme`, as its author would test it: the suite and two lines."""

from __future__ import annotations

from kokunai.plugin.acme.module import acme
from suite import CapacitySuite


class TestAcme(CapacitySuite):
    offer = "acme-x900"
    module = acme
