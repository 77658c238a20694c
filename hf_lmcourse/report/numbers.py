"""Numbers for readers."""


def readable(value: float, digits: int) -> str:
    """Format a number with so many decimal places, or as 1.20e+43 where that says little.

    From 10^6 on, and where only zeros would be left, the order of magnitude counts.
    """
    if value != 0 and not 0.5 * 10**-digits <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:,.{digits}f}"
