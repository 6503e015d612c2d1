"""What became of offers: one rule, the one of packages/features/src/acceptance.ts.

An offer is accepted by a purchase of its item within 14 days of its display. Of several displays of an item the newest
before the purchase takes it. A purchase taken back counts for nothing, whenever that was said. An offer is ripe when
its 14 days lie within the log: until then, that nothing was bought says nothing.
"""

import polars as pl

from .logs import Export
from .trouble import Trouble

WITHIN = 14 * 86_400_000
"""How long a purchase still answers a display, in ms."""

REPEAT = 86_400_000
"""An event id that comes again within a day is the same event, later it is another; in ms."""

ANSWERS = ('displayed', 'opened', 'clicked', 'rejected')


def log_end(export: Export) -> int:
    """When the journal's last record was appended, in epoch ms."""
    if not export.files['customer-events']:
        raise Trouble(f'{export.folder} holds no event: nothing tells what became of its offers')
    return export.scan('customer-events').select(pl.col('journalled_at').max().dt.epoch('ms')).collect().item()


def outcomes(export: Export, offers: pl.DataFrame) -> pl.DataFrame:
    """A row for each offer, in their order: `id`, and whether `displayed`, `opened`, `accepted`, `rejected`, `ripe`.

    offers: `id`, `customer`, `item`, `at` in epoch ms. An event that names no offer answers the newest offer of its
    item that the customer had within 14 days. Raises `Trouble` for two different events of one id.
    """
    events = _events(export, offers)
    answers = _answers(events.filter(pl.col('type') == 'engagement'), offers)
    shown = answers.filter(pl.col('kind') == 'displayed')
    purchases = events.filter(pl.col('type') == 'purchase').join(
        _taken_back(export), left_on=['customer', 'id'], right_on=['customer', 'purchase'], how='anti'
    )
    accepted = _newest(purchases, shown.rename({'offer': 'display'}), 'display')['display'].drop_nulls()

    newest = shown.group_by('offer').agg(pl.col('at').max().alias('shown_at'))
    judged = offers.join(newest, left_on='id', right_on='offer', how='left', maintain_order='left')
    since = pl.coalesce('shown_at', 'at')
    in_time = answers.join(
        judged.select('id', since=since, made=pl.col('at')), left_on='offer', right_on='id', how='inner'
    ).filter(pl.col('at').is_between(pl.col('made'), pl.col('since') + WITHIN))

    def of(*kinds: str) -> pl.Expr:
        return pl.col('id').is_in(in_time.filter(pl.col('kind').is_in(kinds))['offer'].unique().implode())

    return judged.select(
        'id',
        pl.col('shown_at').is_not_null().alias('displayed'),
        of('opened', 'clicked').alias('opened'),
        pl.col('id').is_in(accepted.unique().implode()).alias('accepted'),
        of('rejected').alias('rejected'),
        (since + WITHIN <= log_end(export)).alias('ripe'),
    )


def _events(export: Export, offers: pl.DataFrame) -> pl.DataFrame:
    """Displays, answers and purchases of those who were offered something, each once."""
    wanted = (pl.col('type') == 'purchase') | ((pl.col('type') == 'engagement') & pl.col('kind').is_in(ANSWERS))
    key = ['customer', 'type', 'id']
    found = (
        export.scan('customer-events')
        .filter(wanted)
        .select(*key, 'kind', 'item', 'offer', pl.col('at').dt.epoch('ms'))
        .join(offers.lazy().select('customer').unique(), on='customer', how='semi')
        .unique()
        .sort(*key, 'at')
        .collect(engine='streaming')
    )
    soon = pl.col('at') - pl.col('at').shift(1).over(key) < REPEAT
    twice = found.filter(soon)
    if twice.height > 0:
        customer, kind, name = twice.select(key).row(0)
        raise Trouble(f'{kind} {name} of customer {customer} is in the log with two different contents')
    return found


def _taken_back(export: Export) -> pl.DataFrame:
    """Purchases that were retracted: `customer`, `purchase`."""
    records = export.scan('customer-events').filter(pl.col('type') == 'purchase_retracted').select('record').collect()
    read = export.reader('customer-events')
    found = [read(record)['event'] for record in records['record']]
    schema = {'customer': pl.String, 'purchase': pl.String}
    return pl.DataFrame([{name: event[name] for name in schema} for event in found], schema=schema).unique()


def _answers(engagements: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Engagements with the offer that each answers: `customer`, `item`, `kind`, `at`, `offer`."""
    columns = ['customer', 'item', 'kind', 'at', 'offer']
    named = engagements.filter(pl.col('offer').is_not_null()).join(
        offers.select(offer='id', own='item'), on='offer', how='left'
    )
    unnamed = engagements.filter(pl.col('offer').is_null() & pl.col('item').is_not_null()).drop('offer')
    found = _newest(unnamed, offers.rename({'id': 'offer'}), 'offer').filter(pl.col('offer').is_not_null())
    named = named.with_columns(item=pl.coalesce('own', 'item'))
    return pl.concat([named.select(columns), found.select(columns)])


def _newest(events: pl.DataFrame, before: pl.DataFrame, name: str) -> pl.DataFrame:
    """Events with `name` of the newest of `before` of the same customer and item, 14 days before at most."""
    return events.sort('at').join_asof(
        before.select('customer', 'item', 'at', name).sort('at', name),
        on='at',
        by=['customer', 'item'],
        strategy='backward',
        tolerance=WITHIN,
        check_sortedness=False,
    )
