"""What a price may say: yen or points by a unit of time, its tax, and the term that it presumes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kokunai.problems import refusal

MOST = 10**12
"""More yen or points than anybody asks."""
Amount = Annotated[float, Field(gt=0, le=MOST, allow_inf_nan=False)]
"""A figure of a price list, in yen or points."""
UNITS = (
    "jpy_per_gpu_minute",
    "points_per_gpu_minute",
    "jpy_per_hour",
    "jpy_per_day",
    "jpy_per_month",
)
"""The keys of a price that hold an amount; those of a day and a month also cap what hours cost."""


class Price(BaseModel):
    """The price of one server, without disks that are billed apart; what is not said is None."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    jpy_per_gpu_minute: Amount | None = None
    points_per_gpu_minute: Amount | None = None
    """Prepaid; `jpy_per_point` says what a point costs."""
    jpy_per_hour: Amount | None = None
    jpy_per_day: Amount | None = None
    jpy_per_month: Amount | None = None
    jpy_per_point: Amount | None = None
    day_is_hours: int | None = Field(default=None, ge=1, le=24)
    """Hours whose price a day costs at most, where the list has no price of a day."""
    month_is_days: int | None = Field(default=None, ge=1, le=31)
    """Days whose price a month costs at most, where the list has no price of a month."""
    minimum_months: int = Field(default=0, ge=0, le=1200)
    """The term that the price presumes, which may be longer than the shortest one that is sold."""
    minimum_points: int = Field(default=0, ge=0, le=MOST)
    """Fewest points that can be bought."""
    tax: Literal["included", "excluded", "not-stated"] = "not-stated"
    """Whether consumption tax is in the figures."""
    is_lowest: bool = False
    """True where the seller says `from`: it may be more."""

    @model_validator(mode="after")
    def _has_a_unit(self) -> Self:
        if not any(getattr(self, unit) for unit in UNITS):
            raise refusal(
                f"単位がありません。次のどれかに金額を書いてください: {', '.join(UNITS)}",
                f"has no unit; give the amount as one of {', '.join(UNITS)}",
            )
        if (self.points_per_gpu_minute is None) != (self.jpy_per_point is None):
            raise refusal(
                "points_per_gpu_minute と jpy_per_point は両方書いてください",
                "points_per_gpu_minute and jpy_per_point belong together",
            )
        if self.day_is_hours and not self.jpy_per_hour:
            raise refusal("day_is_hours には jpy_per_hour が必要です", "needs jpy_per_hour")
        if self.month_is_days and not (self.jpy_per_day or self.day_is_hours):
            raise refusal(
                "month_is_days には jpy_per_day か day_is_hours が必要です",
                "month_is_days needs jpy_per_day or day_is_hours",
            )
        return self
