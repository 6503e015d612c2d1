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
            'expected over happened': found.expected,
        }.items()
    )
    checks = '\n'.join(f'- {each.name}: {each.says}.' for each in judged.checks)
    return f"""# {name}/{version}

Fitted by `pnpm train retrain plans` at {decision['at']} and proposed beside {judged.champion.name}. `probability` is
the calibrated probability that an offer of the plan is accepted; `preference` ranks.

## Data

Offers of months {judged.months[0]} to {judged.months[-1]}; judged on month {judged.month}: {found.decisions:,} offers
to {found.customers:,} customers, {found.accepted:,} accepted. Months are whole 30 days from the start of the log.

## Metrics

On the month judged on, with 95 % intervals of a bootstrap over customers.

| | {judged.champion.name} | {name}/{version} | difference |
|---|---|---|---|
{rows}

## The gate

{checks}

## Limits

- One month was judged on, and values come from logged propensities: they hold for the eligibility and the
  customers of that month.
- The reward model of the doubly robust value is this model itself, fitted on earlier months.

## Reproduce

The same table and the same versions of libraries (in `manifest.json`) give the same bytes. sha256 of model.onnx:
`{{sha256}}`.
"""


def _cell(estimate: dict[str, float]) -> str:
    return f'{estimate["value"]:.5g} ({estimate["low"]:.5g} to {estimate["high"]:.5g})'
