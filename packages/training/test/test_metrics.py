import numpy as np
from sklearn.metrics import average_precision_score, f1_score, log_loss, ndcg_score, roc_auc_score

from offerstream_training.metrics import Judged, Money, auc, ndcg


def test_metrics_are_those_of_scikit_learn_with_ties_and_with_rows_that_count_several_times():
    random = np.random.default_rng(0)
    p = np.round(random.random(500), 2) * 0.98 + 0.01
    y = (random.random(500) < p).astype(int)
    times = random.integers(0, 4, 500)
    judged = Judged(y, p, 0.4, Money(1, 3))
    for weight in (None, times):
        repeated = np.repeat(np.arange(500), 1 if weight is None else weight)
        t, s = y[repeated], p[repeated]
        chosen = s >= 0.4
        wanted = {
            'auc': roc_auc_score(t, s),
            'averagePrecision': average_precision_score(t, s),
            'logLoss': log_loss(t, s),
            'f1Positive': f1_score(t, chosen),
            'f1Macro': f1_score(t, chosen, average='macro'),
            'profit': 3 * (t * chosen).sum() - chosen.sum(),
        }
        found = judged.metrics(weight)
        for name, value in wanted.items():
            assert abs(found[name] - value) < 1e-9, name
        assert abs(auc(t, s) - wanted['auc']) < 1e-12


def test_lift_shares_what_falls_on_equal_probabilities_and_calibration_error_is_their_distance():
    y = np.tile([1, 0], 500)
    same = Judged(y, np.full(1000, 0.7), 0.5, Money(1, 3)).metrics()
    assert abs(same['lift5'] - 1) < 1e-12
    assert abs(same['ece'] - 0.2) < 1e-9
    perfect = Judged(y, np.where(y, 0.9, 0.1), 0.5, Money(1, 3)).metrics()
    assert perfect['lift10'] == 2
    assert abs(perfect['ece'] - 0.1) < 1e-9


def test_intervals_hold_the_value_and_grow_where_whole_groups_are_drawn():
    random = np.random.default_rng(1)
    group = np.repeat(np.arange(50), 20)
    shift = random.normal(size=50)[group]
    p = 1 / (1 + np.exp(-shift))
    y = (random.random(1000) < p).astype(int)
    alone = Judged(y, p, 0.5, Money(1, 3)).with_intervals()['f1Positive']
    drawn = Judged(y, p, 0.5, Money(1, 3)).with_intervals(group)['f1Positive']
    assert alone['low'] <= alone['value'] <= alone['high']
    assert drawn['high'] - drawn['low'] > 1.5 * (alone['high'] - alone['low'])


def test_ndcg_is_that_of_scikit_learn_and_a_group_without_relevance_counts_one():
    random = np.random.default_rng(2)
    start = np.array([0, 12, 20, 22, 40])
    label, score = random.integers(0, 4, 40).astype(float), random.random(40)
    label[20:22] = 0
    found = ndcg(score, label, start)
    assert found[2].tolist() == [1, 1, 1, 1]
    for group in (0, 1, 3):
        part = slice(start[group], start[group + 1])
        for index, k in enumerate((1, 3, 5, 10)):
            assert abs(found[group, index] - ndcg_score([2 ** label[part] - 1], [score[part]], k=k)) < 1e-12
