"""Amounts of money as people read them."""

from decimal import Decimal


def dollars(amount: Decimal | None) -> str:
    """An amount in US dollars with all its digits, as `$0.0421`; `not known` where it is not."""
    return "not known" if amount is None else f"${Decimal(amount).normalize():f}"
