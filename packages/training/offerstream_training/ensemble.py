"""Trees as plain arrays, whatever library grew them: what the exporter writes and the probe reads."""

from dataclasses import dataclass, field

import lightgbm as lgb


@dataclass
class Ensemble:
    """Nodes of all trees, one entry a node, parents before children. `x <= threshold` goes to `yes`, else to `no`.

    A leaf has column -1; `value` is its weight and `leaf` its number in the library's own `pred_leaf`.
    """

    width: int
    tree: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_is_yes: list[int] = field(default_factory=list)
    yes: list[int] = field(default_factory=list)
    no: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    leaf: list[int] = field(default_factory=list)

    @property
    def trees(self) -> int:
        """How many trees."""
        return self.tree[-1] + 1

    def add(self, tree: int, column: int, threshold: float, missing_is_yes: bool, value: float, leaf: int) -> int:
        """Appends a node, its children still open; returns its place."""
        place = len(self.tree)
        self.tree.append(tree)
        self.node.append(self.node[-1] + 1 if place and self.tree[place - 1] == tree else 0)
        self.column.append(column)
        self.threshold.append(threshold)
        self.missing_is_yes.append(int(missing_is_yes))
        self.yes.append(0)
        self.no.append(0)
        self.value.append(value)
        self.leaf.append(leaf)
        return place


def of_lightgbm(booster: lgb.Booster) -> Ensemble:
    """The trees of a booster, up to its best iteration. Their values add up to `predict(raw_score=True)`.

    Raises `ValueError` for what the graph cannot say: linear trees, averaged output, splits on categories, zero as
    missing.

    >>> import numpy as np
    >>> x = np.arange(40, dtype=np.float32)[:, None]
    >>> settings = {'verbosity': -1, 'min_data_in_leaf': 5}
    >>> of_lightgbm(lgb.train(settings, lgb.Dataset(x, x[:, 0] > 20), num_boost_round=3)).trees
    3
    """
    dump = booster.dump_model()
    if dump.get('average_output'):
        raise ValueError('boosting=rf averages its trees, the graph adds them')
    ensemble = Ensemble(booster.num_feature())

    def walk(tree: int, node: dict) -> int:
        if 'leaf_value' in node and 'split_feature' not in node:
            if 'leaf_coeff' in node:
                raise ValueError('linear trees cannot be exported')
            return ensemble.add(tree, -1, 0.0, False, node['leaf_value'], node.get('leaf_index', 0))
        if node['decision_type'] != '<=' or node['missing_type'] not in ('None', 'NaN'):
            raise ValueError(f'split {node["decision_type"]} with missing {node["missing_type"]} cannot be exported')
        # Where nothing was missing in training, LightGBM reads NaN as 0.
        missing = node['default_left'] if node['missing_type'] == 'NaN' else node['threshold'] >= 0.0
        place = ensemble.add(tree, node['split_feature'], node['threshold'], missing, 0.0, -1)
        ensemble.yes[place] = ensemble.node[walk(tree, node['left_child'])]
        ensemble.no[place] = ensemble.node[walk(tree, node['right_child'])]
        return place

    for index, info in enumerate(dump['tree_info']):
        walk(index, info['tree_structure'])
    return ensemble


def of_forest(forest) -> Ensemble:
    """The trees of a fitted RandomForestClassifier of two classes; their values add up to `predict_proba(…)[:, 1]`.

    scikit-learn compares a float32 input with a double threshold, as the double graph does. `leaf` is the node that
    `apply` returns.
    """
    ensemble = Ensemble(forest.n_features_in_)
    for index, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        share = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1) / len(forest.estimators_)
        for at in range(tree.node_count):
            if tree.children_left[at] == -1:
                ensemble.add(index, -1, 0.0, False, float(share[at]), at)
                continue
            missing = bool(tree.missing_go_to_left[at])
            place = ensemble.add(index, int(tree.feature[at]), float(tree.threshold[at]), missing, 0.0, -1)
            ensemble.yes[place] = int(tree.children_left[at])
            ensemble.no[place] = int(tree.children_right[at])
    return ensemble


def mean_of(parts: list[Ensemble]) -> Ensemble:
    """All their trees, each value divided by how many parts there are."""
    whole = Ensemble(parts[0].width)
    for part in parts:
        first = whole.trees if whole.tree else 0
        whole.tree += [first + tree for tree in part.tree]
        whole.value += [value / len(parts) for value in part.value]
        for name in ('node', 'column', 'threshold', 'missing_is_yes', 'yes', 'no', 'leaf'):
            getattr(whole, name).extend(getattr(part, name))
    return whole
