"""A small choice table of a known law: six plans, of which a few are eligible; one is shown by a logged policy."""

from pathlib import Path

import numpy as np
import polars as pl

from offerstream_training.choices import write_columns

PLANS = [f'plan_{index}' for index in range(6)]
FEATURES = ['data_mb_30d', 'tenure_days']
PAIRS = ['bill_change', 'quota_to_use']
DAY = 86_400_000


def choice_world(groups: int, seed: int = 0, base: float = -1.5, taste: float = 1.5) -> tuple[pl.DataFrame, np.ndarray]:
    """The table, and the true probability (rows,) that a plan is accepted if it is shown.

    A plan is accepted with σ(base + taste · match + a shift for its price), match being the pair `quota_to_use`.
    """
    random = np.random.default_rng(seed)
    rows: list[dict] = []
    truth: list[float] = []
    at = np.sort(random.integers(0, 90 * DAY, groups)) + 1_750_000_000_000
    for index in range(groups):
        customer = int(random.integers(0, max(groups // 2, 1)))
        plans = np.sort(random.choice(len(PLANS), int(random.integers(2, len(PLANS) + 1)), replace=False))
        match = random.normal(size=len(plans))
        p = 1 / (1 + np.exp(-(base + taste * match - 0.2 * plans)))
        propensity = np.full(len(plans), 0.3 / len(plans))
        propensity[0] += 0.7
        shown = int(random.choice(len(plans), p=propensity))
        accepts = bool(random.random() < p[shown])
        vector = {'data_mb_30d': random.gamma(2, 500), 'tenure_days': random.integers(0, 2000)}
        for place, plan in enumerate(plans):
            offered = place == shown
            rows.append(
                {
                    'decision': f'd{index}',
                    'customer': f'c{customer}',
                    'at': int(at[index]),
                    'month': int((at[index] - at[0]) // (30 * DAY)),
                    'source': 'offer',
                    'item': PLANS[plan],
                    'current': 'plan_old',
                    'price_minor': 1000 + 500 * int(plan),
                    'margin_minor': 300,
                    'offered': offered,
                    'propensity': float(propensity[place]),
                    'opened': offered and accepts,
                    'accepted': offered and accepts,
                    'rejected': False,
                    'control': customer % 10 == 0,
                    **vector,
                    'bill_change': float(random.normal()),
                    'quota_to_use': float(match[place]),
                }
            )
        truth += p.tolist()
    frame = pl.DataFrame(rows).cast({'month': pl.Int32, 'price_minor': pl.Int32, 'margin_minor': pl.Int32})
    return frame.with_columns(pl.col(*FEATURES, *PAIRS).cast(pl.Float32)), np.array(truth)


def write_table(folder: Path, frame: pl.DataFrame) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / 'part-0.parquet', compression='zstd')
    write_columns(folder, FEATURES, PAIRS)
    return folder
