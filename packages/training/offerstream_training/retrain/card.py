"""The card of a retrained model."""


def card(name: str, version: str, judged, decision: dict) -> str:
    """Markdown; `{sha256}` is filled in by the writer."""
    found = judged.compared
    rows = '\n'.join(
        f'| {what} | {_cell(each["champion"])} | {_cell(each["challenger"])} | {_cell(each["difference"])} |'
        for what, each in {
            'value a decision (doubly robust)': found.value,
            'value a decision (SNIPS)': found.snips,
            'log-loss': found.loss,
            'came of what was expected': found.came,
        }.items()
    )
    checks = '\n'.join(f'- {each.name}: {each.says}.' for each in judged.checks)
    return f"""# {name}/{version}

Fitted by `pnpm train retrain plans` at {decision['at']} and proposed beside {judged.champion.name}. `probability` is
the calibrated probability that an offer of the plan is accepted; `preference` ranks.

## Data

Offers of {spell(judged.learnt)}. Judged on {spell(judged.months)}: {found.decisions:,} offers to
{found.customers:,} customers, {found.accepted:,} accepted. Months are whole 30 days from the start of the log.

## Metrics

On {spell(judged.months)}, with 95 % intervals of a bootstrap over customers.

| | {judged.champion.name} | {name}/{version} | difference |
|---|---|---|---|
{rows}

## The gate

{checks}

## Limits

- Values come from logged propensities of {spell(judged.months)}: they hold for the eligibility and the
  customers of then.
- The reward model of the doubly robust value is this model itself, fitted on earlier months.

## Reproduce

The same table and the same versions of libraries (in `manifest.json`) give the same bytes. sha256 of model.onnx:
`{{sha256}}`.
"""


def spell(months: list[int]) -> str:
    """
    >>> spell([3]), spell([3, 4, 5])
    ('month 3', 'months 3 to 5')
    """
    return f'month {months[0]}' if len(months) == 1 else f'months {months[0]} to {months[-1]}'


def _cell(estimate: dict[str, float]) -> str:
    return f'{estimate["value"]:.5g} ({estimate["low"]:.5g} to {estimate["high"]:.5g})'
