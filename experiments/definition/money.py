"""Money: amounts as exact integers, hundredths of the currency unit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

LARGEST = Decimal(10**12)  # currency units; far above any value cap


def hundredths(value: object) -> int | None:
    """A money amount as hundredths of the unit (half to even), or None when it is none: not a finite number >= 0."""
    if not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
        if not amount.is_finite() or amount < 0:
            return None
        return round(min(amount, LARGEST) * 100)
    except InvalidOperation:
        return None
