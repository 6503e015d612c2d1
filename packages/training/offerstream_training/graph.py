"""ONNX graphs of few operations, every one of which the TypeScript walker knows too. Opset 17, ai.onnx.ml 3, IR 9.

Attributes of trees are double: the stock converters round thresholds to float32 and so send rows the wrong way.
A graph has one input, `inputs` (rows, width) float32, and two outputs of (rows, 1) float32: `preference`, the margin,
by which to rank, and `probability`, calibrated.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from .calibration import Calibration, Platt
from .ensemble import Ensemble


def tree_model(ensemble: Ensemble, calibration: Calibration) -> bytes:
    """The margin is the sum of the leaves' values."""
    nodes = [_cast('inputs', 'wide', TensorProto.DOUBLE), tree_node(ensemble, 'wide', 'preference')]
    return _model(ensemble.width, [], nodes, calibration)


def linear_model(mean: np.ndarray, weights: np.ndarray, intercept: float, calibration: Calibration) -> bytes:
    """The margin is intercept + Σ weights · (x − mean), in double; a missing x counts as the mean. Both of (width,)."""
    width = len(weights)
    constants = [
        helper.make_tensor('mean', TensorProto.DOUBLE, [1, width], mean.tolist()),
        helper.make_tensor('weights', TensorProto.DOUBLE, [width, 1], weights.tolist()),
        helper.make_tensor('intercept', TensorProto.DOUBLE, [1], [intercept]),
    ]
    nodes = [
        _cast('inputs', 'wide', TensorProto.DOUBLE),
        helper.make_node('IsNaN', ['wide'], ['missing']),
        helper.make_node('Where', ['missing', 'mean', 'wide'], ['filled']),
        helper.make_node('Sub', ['filled', 'mean'], ['centred']),
        helper.make_node('MatMul', ['centred', 'weights'], ['product']),
        helper.make_node('Add', ['product', 'intercept'], ['margin']),
        _cast('margin', 'preference', TensorProto.FLOAT),
    ]
    return _model(width, constants, nodes, calibration)


def leaf_probe(ensemble: Ensemble) -> bytes:
    """The same trees giving, as `leaves` (rows, trees), the number of the leaf each row falls into: proves routing."""
    node = tree_node(ensemble, 'wide', 'leaves', probe=True)
    return _checked(
        ensemble.width, [], [_cast('inputs', 'wide', TensorProto.DOUBLE), node], [('leaves', ensemble.trees)]
    )


def tree_node(ensemble: Ensemble, source: str, target: str, probe: bool = False) -> onnx.NodeProto:
    """One TreeEnsembleRegressor over a double input."""
    leaves = [place for place, column in enumerate(ensemble.column) if column == -1]
    weights = [float(ensemble.leaf[place]) if probe else ensemble.value[place] for place in leaves]
    return helper.make_node(
        'TreeEnsembleRegressor',
        [source],
        [target],
        domain='ai.onnx.ml',
        n_targets=ensemble.trees if probe else 1,
        nodes_treeids=ensemble.tree,
        nodes_nodeids=ensemble.node,
        nodes_featureids=[max(column, 0) for column in ensemble.column],
        nodes_modes=['LEAF' if column == -1 else 'BRANCH_LEQ' for column in ensemble.column],
        nodes_truenodeids=ensemble.yes,
        nodes_falsenodeids=ensemble.no,
        nodes_missing_value_tracks_true=ensemble.missing_is_yes,
        nodes_values_as_tensor=_doubles('nodes_values', ensemble.threshold),
        target_treeids=[ensemble.tree[place] for place in leaves],
        target_nodeids=[ensemble.node[place] for place in leaves],
        target_ids=[ensemble.tree[place] if probe else 0 for place in leaves],
        target_weights_as_tensor=_doubles('target_weights', weights),
    )


def _model(width: int, constants: list, nodes: list, calibration: Calibration) -> bytes:
    if isinstance(calibration, Platt):
        constants = [
            *constants,
            helper.make_tensor('slope', TensorProto.FLOAT, [1], [calibration.slope]),
            helper.make_tensor('shift', TensorProto.FLOAT, [1], [calibration.intercept]),
        ]
        link = [
            helper.make_node('Mul', ['preference', 'slope'], ['scaled']),
            helper.make_node('Add', ['scaled', 'shift'], ['logit']),
            helper.make_node('Sigmoid', ['logit'], ['probability']),
        ]
    else:
        # A rising step function is a tree over one input.
        link = [
            _cast('preference', 'margin_wide', TensorProto.DOUBLE),
            tree_node(calibration.as_tree(), 'margin_wide', 'probability'),
        ]
    return _checked(width, constants, [*nodes, *link], [('preference', 1), ('probability', 1)])


def _checked(width: int, constants: list, nodes: list, outputs: list[tuple[str, int]]) -> bytes:
    graph = helper.make_graph(
        nodes,
        'offerstream',
        [helper.make_tensor_value_info('inputs', TensorProto.FLOAT, ['rows', width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ['rows', size]) for name, size in outputs],
        constants,
    )
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid('ai.onnx.ml', 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name='offerstream')
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _cast(source: str, target: str, to: int) -> onnx.NodeProto:
    return helper.make_node('Cast', [source], [target], to=to)


def _doubles(name: str, values: list[float]) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
