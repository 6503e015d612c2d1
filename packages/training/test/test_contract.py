import hashlib
import json

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from conftest import KINDS, NAMES, SETTINGS, world
from onnx import numpy_helper
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier

from offerstream_training.boundary import at_boundary
from offerstream_training.calibration import isotonic, platt
from offerstream_training.contract import GOLDEN_ROWS, check, write_model
from offerstream_training.ensemble import of_lightgbm
from offerstream_training.graph import leaf_probe
from offerstream_training.models import forest_model
from offerstream_training.runtime import run
from offerstream_training.trouble import Trouble


def test_the_boundary_keeps_missing_drops_the_tiny_and_refuses_infinities_by_row_and_column():
    assert (
        at_boundary(np.array([[1e-31, -1e-31, 1e-29, np.nan]])).tobytes()
        == np.array([[0, 0, 1e-29, np.nan]], dtype=np.float32).tobytes()
    )
    for infinite in (np.inf, -np.inf, 1e39):
        with pytest.raises(Trouble, match='column b is infinite in row 1'):
            at_boundary(np.array([[0, 0], [0, infinite]]), ['a', 'b'])


@pytest.mark.parametrize('kind', KINDS)
def test_every_row_reaches_the_library_s_own_leaf_and_probability(kind, fitted, real):
    found = check(fitted[kind], fitted[kind].graph(), real)
    assert found.holds, found
    assert found.rows > 10_000 or kind == 'logistic'


@pytest.mark.parametrize('kind', ['binary', 'isotonic', 'ranker', 'custom', 'forest'])
def test_thresholds_rounded_to_the_nearest_float_fail_the_gate(kind, fitted, real):
    model = fitted[kind]
    found = check(model, rounded(model.graph()), real, probe=rounded(leaf_probe(model.ensemble)))
    assert not found.holds
    assert found.misrouted > 0


def rounded(graph: bytes) -> bytes:
    """What a converter with float attributes writes."""
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == 'nodes_values_as_tensor':
                values = numpy_helper.to_array(attribute.t).astype(np.float32).astype(np.float64)
                attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))
    return model.SerializeToString()


def test_a_forest_says_what_the_stock_converter_says_of_it():
    x, y = world(3000)
    x = np.nan_to_num(x)
    forest = RandomForestClassifier(20, max_leaf_nodes=64, random_state=0).fit(x, y)
    stock = to_onnx(forest, x[:1], options={'zipmap': False}, target_opset={'': 17, 'ai.onnx.ml': 3})
    ours = run(forest_model(forest, NAMES).graph(), x, 'preference')
    theirs = run(stock.SerializeToString(), x, 'probabilities')[:, 1]
    assert np.abs(ours - theirs).max() < 1e-6
    assert np.abs(ours - forest.predict_proba(x)[:, 1]).max() < 1e-6


def test_splits_the_graph_cannot_say_are_refused():
    x, y = world(1000)
    for settings in ({'linear_tree': True}, {'boosting': 'rf', 'bagging_freq': 1, 'bagging_fraction': 0.5}):
        booster = lgb.train(SETTINGS | settings, lgb.Dataset(np.nan_to_num(x), y), 3)
        with pytest.raises(ValueError, match=r'linear trees|averages'):
            of_lightgbm(booster)
    categories = lgb.Dataset(x, y, categorical_feature=[2])
    with pytest.raises(ValueError, match='split =='):
        of_lightgbm(lgb.train(SETTINGS | {'max_cat_to_onehot': 1, 'min_data_per_group': 1}, categories, 30))
    zero = lgb.train(SETTINGS | {'zero_as_missing': True}, lgb.Dataset(x, y), 3)
    with pytest.raises(ValueError, match='Zero'):
        of_lightgbm(zero)


def test_a_tree_without_a_split_is_a_leaf():
    booster = lgb.train(SETTINGS | {'objective': 'binary'}, lgb.Dataset(np.zeros((100, 2)), np.arange(100) % 2), 2)
    assert of_lightgbm(booster).column == [-1] * booster.num_trees()


def test_calibration_undoes_a_stretched_margin():
    random = np.random.default_rng(0)
    logit = random.normal(size=100_000) - 3
    happened = (random.random(100_000) < 1 / (1 + np.exp(-logit))).astype(int)
    by_platt = platt(3 * logit + 5, happened)
    assert by_platt.slope == pytest.approx(1 / 3, rel=0.03)
    assert by_platt.intercept == pytest.approx(-5 / 3, rel=0.03)
    by_steps = isotonic(3 * logit + 5, happened)
    assert np.all(np.diff(by_steps.values) > 0)
    assert by_steps.probability(3 * logit + 5).mean() == pytest.approx(happened.mean(), abs=1e-9)


@pytest.mark.parametrize('kind', KINDS)
def test_a_written_model_has_four_files_that_agree(kind, fitted, real, tmp_path):
    about = {'kind': 'plan', 'trainedOn': {'rows': 4000}, 'metrics': {'auc': {'value': 0.7, 'low': 0.6, 'high': 0.8}}}
    sha256 = write_model(tmp_path, kind, '1', fitted[kind], real, about, '# card\n{sha256}\n')
    home = tmp_path / kind / '1'
    assert sorted(file.name for file in home.parent.iterdir()) == ['1']
    assert sorted(file.name for file in home.iterdir()) == ['card.md', 'golden.json', 'manifest.json', 'model.onnx']
    assert hashlib.sha256((home / 'model.onnx').read_bytes()).hexdigest() == sha256
    assert sha256 in (home / 'card.md').read_text()
    manifest = json.loads((home / 'manifest.json').read_text())
    assert (manifest['sha256'], manifest['features'], manifest['name']) == (sha256, NAMES, kind)
    golden = json.loads((home / 'golden.json').read_text())
    rows = at_boundary(np.array([[np.nan if x is None else x for x in row] for row in golden['rows']]))
    assert len(rows) == GOLDEN_ROWS
    assert np.isnan(rows).any()
    graph = (home / 'model.onnx').read_bytes()
    assert np.abs(run(graph, rows, 'probability') - golden['probability']).max() <= 1e-6
    if kind in ('binary', 'ranker', 'custom'):
        wrong = np.abs(run(rounded(graph), rows, 'probability') - golden['probability'])
        assert (wrong > 1e-5).any(), 'the golden rows see rounded thresholds'


def test_a_model_whose_graph_differs_is_not_written(fitted, real, tmp_path, monkeypatch):
    model = fitted['binary']
    other = fitted['ranker'].graph()
    monkeypatch.setattr(type(model), 'graph', lambda self: other)
    with pytest.raises(Trouble, match='nothing was written'):
        write_model(tmp_path, 'wrong', '1', model, real, {}, '')
    assert list(tmp_path.iterdir()) == []
