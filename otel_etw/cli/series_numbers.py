"""What an overview says of a series in numbers: the newest value, what became of it, quantiles."""

from __future__ import annotations

from otel_etw.captures.columns.series import LEVEL, Distribution, Metric, Series, measure
from otel_etw.captures.texts import QUANTILES
from otel_etw.cli.quantities import Quantity, number, quantity_of

__all__ = ["SeriesNumbers"]


class SeriesNumbers:
    """Writes the numbers of the series of one metric.

    ``with_total``: of deltas also their total, for which a narrow screen has no room.
    """

    def __init__(self, metric: Metric, with_total: bool) -> None:
        self._quantity: Quantity = quantity_of(metric.unit)
        kind = measure(metric.kind, metric.temporality, metric.monotonic)
        self.is_level = kind == LEVEL
        self._has_total = with_total and metric.temporality == "delta"

    def of(self, series: Series) -> list[str]:
        """The newest value or count, what became of it, and quantiles."""
        moved = "" if series.rate is None else self._quantity.rate(series.rate)
        if series.distribution:
            counts = number(series.distribution.count)
            if series.rate is not None:
                moved = f"{number(series.rate)}/s"
            return [counts, moved, *self._spread(series.distribution)]
        if series.value is None:
            return ["no value", moved]
        if series.change is not None:
            moved = self._quantity.change(series.change)
        cells = [self._quantity.value(series.value), moved]
        if self._has_total and series.total is not None and series.points > 1:
            cells.append(f"total {self._quantity.value(series.total)}")
        return cells

    def _spread(self, distribution: Distribution) -> list[str]:
        """Quantiles; where none is known, what else is."""
        value = self._quantity.value
        known = {name: distribution.quantile(q) for name, q in QUANTILES.items()}
        if distribution.quantiles:
            known = {_quantile_name(q): result for q, result in distribution.quantiles}
        if not any(result is not None for result in known.values()) and distribution.count:
            mean = None if distribution.sum is None else distribution.sum / distribution.count
            known = {"mean": mean, "min": distribution.min, "max": distribution.max}
        return [f"{name} {value(result)}" for name, result in known.items() if result is not None]


def _quantile_name(q: float) -> str:
    return {0.0: "min", 1.0: "max"}.get(q, f"p{q * 100:g}")
