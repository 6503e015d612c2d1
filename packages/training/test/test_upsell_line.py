import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from offerstream_training.choices import KEYS, write_columns
from offerstream_training.main import main
from offerstream_training.registry import golden_distance
from offerstream_training.upsell_line import DAY, followed, line_rows, split

FEATURES = ['tenure_days', 'app_opens_30d', 'open_rate_12m']
START = 1_736_121_600_000


def log(folder: Path, customers: int = 600, told: bool = True, seed: int = 0) -> Path:
    """Eight months with an offer a month to each, two candidates; those who open much go up by themselves, if told."""
    random = np.random.default_rng(seed)
    opens = random.random(customers)
    rows = []

    def decide(name: str, customer: int, at: int, source: str, dearer: bool) -> None:
        for item, up in (('small', False), ('large', True)):
            taken = source == 'organic' and up == dearer
            rows.append(
                {
                    'decision': name,
                    'customer': f'c{customer}',
                    'at': at,
                    'month': (at - START) // (30 * DAY),
                    'source': source,
                    'item': item,
                    'current': 'middle',
                    'price_minor': 2000 if up else 1000,
                    'margin_minor': 0,
                    'offered': source == 'offer' and up,
                    'propensity': 0.5 if source == 'offer' else float('nan'),
                    'opened': False,
                    'accepted': taken,
                    'rejected': False,
                    'control': False,
                    'tenure_days': float((at - START) / DAY),
                    'app_opens_30d': opens[customer] if told else random.random(),
                    'open_rate_12m': opens[customer],
                    'price_to_current': 0.4 if up else -0.4,
                }
            )

    for customer in range(customers):
        for month in range(8):
            at = START + month * 30 * DAY + int(random.integers(0, 20)) * DAY
            decide(f'o{customer}/{month}', customer, at, 'offer', False)
            if random.random() < 0.15 * opens[customer]:
                decide(f'u{customer}/{month}', customer, at + 5 * DAY, 'organic', True)
            elif random.random() < 0.05:
                decide(f'd{customer}/{month}', customer, at + 5 * DAY, 'organic', False)
    folder.mkdir(exist_ok=True)
    types = {**KEYS, **dict.fromkeys([*FEATURES, 'price_to_current'], pl.Float32)}
    pl.DataFrame(rows, schema_overrides=types).select(list(types)).write_parquet(folder / 'part-000.parquet')
    write_columns(folder, FEATURES, ['price_to_current'])
    return folder


def test_what_follows_within_ninety_days_counts_and_no_longer():
    at = np.array([0, 30, 60, 150, 0, 91]) * DAY
    taken = np.array([False, False, False, True, False, True])
    customer = np.array([0, 0, 0, 0, 1, 1])
    assert followed(customer, at, taken).tolist() == [0, 0, 1, 1, 0, 1]
    order = np.array([3, 5, 0, 4, 2, 1])
    assert followed(customer[order], at[order], taken[order]).tolist() == [1, 1, 0, 0, 1, 0]


def test_only_decisions_with_log_before_and_after_them_are_rows_and_only_dearer_plans_count(tmp_path):
    folder = log(tmp_path / 'log', 100)
    rows = line_rows(folder)
    frame = pl.read_parquet(folder / 'part-000.parquet')
    first, last = frame['at'].min() + 60 * DAY, frame['at'].max() - 90 * DAY
    offers = frame.filter((pl.col('source') == 'offer') & (pl.col('item') == 'small'))
    assert rows.features == FEATURES[:2], 'half of a window of twelve months would tell the age of the log'
    assert len(rows.y) == offers.filter(pl.col('at').is_between(first, last)).height
    ups = frame.filter(pl.col('accepted') & (pl.col('item') == 'large'))
    naive = [
        ups.filter((pl.col('customer') == who) & pl.col('at').is_between(at, at + 90 * DAY)).height > 0
        for who, at in offers.filter(pl.col('at').is_between(first, last)).select('customer', 'at').iter_rows()
    ]
    assert rows.y.tolist() == [int(each) for each in naive]
    train, test = split(rows)
    assert not set(train.customer) & set(test.customer) and train.at.max() < test.at.min()


def test_a_model_for_the_line_is_written_whole(tmp_path, capsys):
    folder, out = log(tmp_path / 'log'), tmp_path / 'models'
    given = ['--table', str(folder), '--out', str(out), '--report', str(tmp_path / 'page.html'), '--json']
    assert main(['upsell-line', *given]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found['metrics']['auc']['low'] > 0.55
    card, alone = (out / 'upsell' / '1' / 'card.md').read_text(), found['baselines']['app_opens_30d alone']
    beaten = alone['logLoss']['value'] <= found['metrics']['logLoss']['value']
    assert ('app_opens_30d alone has no larger log-loss' in card) == beaten == bool(found['warnings'])
    manifest = json.loads((out / 'upsell' / '1' / 'manifest.json').read_text())
    assert (manifest['kind'], manifest['features'], manifest['pairs']) == ('upsell', FEATURES[:2], [])
    assert golden_distance(out / 'upsell' / '1') <= 1e-6
    assert (out / 'upsell' / '1' / 'model.onnx').stat().st_size < 1_000_000
    assert '<svg' in (tmp_path / 'page.html').read_text()


@pytest.mark.parametrize('case', ['nothing to learn', 'too short', 'no table'])
def test_where_nothing_can_be_said_nothing_is_written(case, tmp_path, capsys):
    folder = tmp_path / 'log'
    if case != 'no table':
        log(folder, 1000 if case == 'nothing to learn' else 20, told=False)
    assert main(['upsell-line', '--table', str(folder), '--out', str(tmp_path / 'models')]) == 1
    wanted = {
        'nothing to learn': 'no better than chance',
        'too short': 'positives among',
        'no table': 'holds no choice',
    }
    assert wanted[case] in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'models').exists()
