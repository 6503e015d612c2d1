"""What the served forest says of itself."""

import numpy as np

from ..classify import Asked
from ..output import command


def card(name: str, asked: Asked, about: dict, weights: list[tuple[str, float]], warnings: list[str]) -> str:
    """The text of card.md; `{sha256}` is filled in by the contract."""
    trained = ', '.join(f'{key} {value}' for key, value in about['trainedOn'].items())
    rows = '\n'.join(
        f'| {key} | {each["value"]:.5g} | {each["low"]:.5g} | {each["high"]:.5g} |'
        for key, each in about['metrics'].items()
    )
    heard = '\n'.join(f'| {each} | {weight:.4f} |' for each, weight in weights[:15])
    limits = '\n'.join(f'- {warning}' for warning in warnings)
    thresholds = ', '.join(f'{key} {value:.4g}' for key, value in about['thresholds'].items())
    rate = about['trainedOn']['positives'] / max(np.int64(about['trainedOn']['rows']), 1)
    return f"""# {name}/1

The probability that {asked.target} is positive: a random forest of at most 64 leaves a tree, calibrated out of fold.
It was fitted on every row, the hold-out included; {rate:.2%} of them are positive.

## Data

{trained}.

## Metrics

Of the same forest fitted without the hold-out, on the hold-out, with 95 % bootstrap intervals. f1Positive is the F1 of
the positives, f1Macro the mean of both classes', at the threshold of the best F1; profit is at that of the costs.
Thresholds: {thresholds}.

| metric | value | low | high |
|---|---|---|---|
{rows}

## Importances

Share of the impurity that splits on an input take away (Breiman 2001), the first fifteen.

| input | share |
|---|---|
{heard}

## Limits

- Its inputs are made of one table's columns by `offerstream_training.upsell.features` with the schema beside it. The
  stream does not compute them: the scorer refuses them by name, and a table is scored before it is handed over.
- Money is an input only as a share of the usual price, `usualPrice` above: raise it with the prices.
{limits}

## Reproduce

`{command('upsell', **asked.options())}`. sha256 of model.onnx: `{{sha256}}`.
"""
