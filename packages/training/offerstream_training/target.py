"""The column that is to be foretold, as 0 and 1."""

import numpy as np
import polars as pl

from .trouble import Trouble


def labels(target: pl.Series, positive: str | None = None) -> np.ndarray:
    """(rows,) of 0 and 1: is it `positive`, or, where none is named, the usual word for yes. No value may be missing.

    Raises `Trouble` where it has one class only, or where it is not clear which value is meant.

    >>> labels(pl.Series('said', ['no', 'Yes', 'no'])).tolist()
    [0, 1, 0]
    """
    if target.dtype.is_nested():
        raise Trouble(f'{target.name} holds lists, wanted one value a row')
    texts = target.cast(pl.Float64).cast(pl.String) if target.dtype.is_numeric() else target.cast(pl.String)
    found = sorted(texts.unique().to_list())
    if positive is not None:
        wanted = positive
        if target.dtype.is_numeric():
            try:
                wanted = str(float(positive))
            except ValueError:
                raise Trouble(f'--positive {positive}: {target.name} holds numbers') from None
        if wanted not in found:
            raise Trouble(f'--positive {positive} is no value of {target.name}: {", ".join(found[:10])}')
        return (texts == wanted).cast(pl.Int64).to_numpy()
    if len(found) == 1:
        raise Trouble(f'{target.name} is {found[0]} in every row: one class only')
    usual = [each for each in found if each.lower() in ('1.0', 'true', 'yes', 'y', 't')]
    if len(found) > 2 or len(usual) != 1:
        shown = ', '.join(found[:10]) + (', …' if len(found) > 10 else '')
        raise Trouble(f'{target.name} has the values {shown}: say which one is meant with --positive')
    return (texts == usual[0]).cast(pl.Int64).to_numpy()
