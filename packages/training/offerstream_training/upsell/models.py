"""The six models under one interface: `MODELS[name].fit(x, y)` gives the margin of rows, what is missing dealt with.

XGBoost and CatBoost are only compared with; they are there where `requirements-benchmark.txt` is installed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import lightgbm as lgb
import numpy as np
from optuna.trial import Trial
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.svm import LinearSVC

from ..splits import Part
from .impute import by_lasso, by_mean
from .network import LIMIT, network

Margin = Callable[[np.ndarray], np.ndarray]
"""Rows (n, inputs) float32 to (n,): the higher, the likelier; log-odds but for the SVM, which gives a distance."""

Settings = dict[str, float | int | str | bool]

PREPARATION: Settings = {'imputation': 'native', 'selection': False}
"""`imputation`: 'native' (the trees' own), 'mean' or 'lasso'; `selection`: by the network of correlations."""


@dataclass(frozen=True)
class Maker:
    """How a model is made. `settings` override `defaults`; `space(trial)` draws settings for Optuna."""

    name: str
    grow: Callable[[np.ndarray, np.ndarray, Settings], Margin]
    defaults: Settings
    space: Callable[[Trial], Settings]
    needs_whole_rows: bool = False
    """It cannot take NaN, so 'native' means 'mean'."""
    settings: Settings = field(default_factory=dict)

    def having(self, **settings: float | int | str | bool) -> 'Maker':
        """The same model with other settings."""
        return replace(self, settings=self.settings | settings)

    def fit(self, x: np.ndarray, y: np.ndarray) -> Margin:
        """x: (n, inputs) float32 with NaN, y: (n,) of 0 and 1. Selection and imputation are fitted on these rows."""
        settings = PREPARATION | self.defaults | self.settings
        kept = network(x, y, LIMIT) if settings['selection'] else np.arange(x.shape[1])
        imputation = settings['imputation']
        if imputation == 'native' and self.needs_whole_rows:
            imputation = 'mean'
        some = x[:, kept] if settings['selection'] else x
        fill = {'lasso': by_lasso, 'mean': by_mean, 'native': lambda _: lambda rows: rows}[imputation](some)
        margin = self.grow(fill(some), y, settings)
        return lambda rows: margin(fill(rows[:, kept] if settings['selection'] else rows))

    def draw(self, trial: Trial) -> Settings:
        """Settings of a trial: the preparation is tuned with the model."""
        choices = ['mean', 'lasso'] if self.needs_whole_rows else ['native', 'mean', 'lasso']
        preparation = {
            'imputation': trial.suggest_categorical('imputation', choices),
            'selection': trial.suggest_categorical('selection', [False, True]),
        }
        return preparation | self.space(trial)


def out_of_fold(maker: Maker, x: np.ndarray, y: np.ndarray, parts: list[Part]) -> np.ndarray:
    """Margins of rows by a model that did not see them, (n,), NaN where no fold holds the row."""
    margins = np.full(len(y), np.nan)
    for train, held in parts:
        margins[held] = maker.fit(x[train], y[train])(x[held])
    return margins


def _threads() -> int:
    return int(os.environ.get('OMP_NUM_THREADS', '1'))


def _svm(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    """Linear, squared hinge, in the primal: a kernel does not get through 200,000 rows."""
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    scale[scale < 1e-9] = 1

    def standard(rows: np.ndarray) -> np.ndarray:
        return np.clip((rows - mean) / scale, -6, 6)

    fitted = LinearSVC(C=settings['C'], dual=False, tol=1e-3, max_iter=200, random_state=0).fit(standard(x), y)
    return lambda rows: fitted.decision_function(standard(rows))


def _forest(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    fitted = forest_of(settings).fit(x, y)
    return lambda rows: _log_odds(fitted.predict_proba(rows)[:, 1])


def forest_of(settings: Settings) -> RandomForestClassifier:
    """The forest of these settings, not fitted yet. A `share` below 1 draws that share of the rows for each tree."""
    return RandomForestClassifier(
        settings['trees'],
        max_leaf_nodes=settings['leaves'],
        min_samples_leaf=settings['least'],
        max_features=settings['columns'],
        max_samples=settings['share'] if settings['share'] < 1 else None,
        n_jobs=_threads(),
        random_state=settings.get('seed', 0),
    )


def _hist(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    fitted = HistGradientBoostingClassifier(
        max_iter=settings['rounds'],
        learning_rate=settings['rate'],
        max_leaf_nodes=settings['leaves'],
        min_samples_leaf=settings['least'],
        l2_regularization=settings['l2'],
        max_features=settings['columns'],
        early_stopping=False,
        random_state=settings.get('seed', 0),
    ).fit(x, y)
    return lambda rows: fitted.decision_function(rows)


def _lightgbm(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    boosters = lightgbm_of(x, y, settings)
    return lambda rows: np.mean([each.predict(rows, raw_score=True) for each in boosters], axis=0)


def lightgbm_of(x: np.ndarray, y: np.ndarray, settings: Settings) -> list[lgb.Booster]:
    """As many boosters as `bags`, each of another seed; their margins are averaged."""
    given = {
        'objective': 'binary',
        'verbosity': -1,
        'deterministic': True,
        'force_col_wise': True,
        'num_threads': _threads(),
        'num_leaves': settings['leaves'],
        'learning_rate': settings['rate'],
        'min_data_in_leaf': settings['least'],
        'lambda_l2': settings['l2'],
        'feature_fraction': settings['columns'],
        'bagging_fraction': settings['rows'],
        'bagging_freq': 1,
        'max_bin': settings['bins'],
        'min_gain_to_split': settings['gain'],
    }
    data = lgb.Dataset(x, y, params={'verbosity': -1, 'max_bin': settings['bins']}, free_raw_data=False)
    first = int(settings.get('seed', 0))
    return [lgb.train(given | {'seed': first + bag}, data, settings['rounds']) for bag in range(int(settings['bags']))]


def _xgboost(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    import xgboost as xgb

    given = {
        'objective': 'binary:logistic',
        'tree_method': 'hist',
        'grow_policy': 'lossguide',
        'max_depth': 0,
        'max_leaves': settings['leaves'],
        'eta': settings['rate'],
        'min_child_weight': settings['least'],
        'lambda': settings['l2'],
        'colsample_bytree': settings['columns'],
        'subsample': settings['rows'],
        'nthread': _threads(),
        'seed': settings.get('seed', 0),
        'verbosity': 0,
    }
    fitted = xgb.train(given, xgb.QuantileDMatrix(x, y, max_bin=256), settings['rounds'])
    return lambda rows: fitted.inplace_predict(rows, predict_type='margin').astype(np.float64)


def _catboost(x: np.ndarray, y: np.ndarray, settings: Settings) -> Margin:
    from catboost import CatBoostClassifier

    fitted = CatBoostClassifier(
        iterations=settings['rounds'],
        learning_rate=settings['rate'],
        depth=settings['depth'],
        l2_leaf_reg=settings['l2'],
        rsm=settings['columns'],
        border_count=128,
        thread_count=_threads(),
        random_seed=settings.get('seed', 0),
        verbose=False,
        allow_writing_files=False,
    ).fit(x, y)
    return lambda rows: fitted.predict(rows, prediction_type='RawFormulaVal')


def _log_odds(share: np.ndarray) -> np.ndarray:
    return logit(np.clip(share, 1e-6, 1 - 1e-6))


def _boosted(trial: Trial, most_leaves: int = 31) -> Settings:
    return {
        'rounds': trial.suggest_int('rounds', 80, 600, log=True),
        'rate': trial.suggest_float('rate', 0.02, 0.2, log=True),
        'leaves': trial.suggest_int('leaves', 2, most_leaves, log=True),
        'least': trial.suggest_int('least', 20, 2000, log=True),
        'l2': trial.suggest_float('l2', 0.1, 100, log=True),
        'columns': trial.suggest_float('columns', 0.1, 1.0),
    }


def _makers() -> dict[str, Maker]:
    boosted: Settings = {'rounds': 100, 'rate': 0.1, 'leaves': 31, 'least': 20, 'l2': 0.0, 'columns': 1.0}
    known = [
        Maker('svm', _svm, {'C': 1.0}, lambda trial: {'C': trial.suggest_float('C', 1e-5, 1, log=True)}, True),
        Maker(
            'forest',
            _forest,
            {'trees': 100, 'leaves': 64, 'least': 1, 'columns': 'sqrt', 'share': 1.0},
            lambda trial: {
                'trees': trial.suggest_int('trees', 50, 300, log=True),
                'leaves': trial.suggest_int('leaves', 8, 64, log=True),
                'least': trial.suggest_int('least', 5, 1000, log=True),
                'columns': trial.suggest_float('columns', 0.05, 0.6),
                'share': trial.suggest_float('share', 0.1, 1.0),
            },
        ),
        Maker('hist', _hist, boosted, _boosted),
        Maker('xgboost', _xgboost, boosted | {'least': 1, 'l2': 1.0, 'rows': 1.0}, _sampled),
        Maker('lightgbm', _lightgbm, boosted | {'rows': 1.0, 'bins': 255, 'gain': 0.0, 'bags': 1}, _gained),
        Maker(
            'catboost',
            _catboost,
            {'rounds': 300, 'rate': 0.1, 'depth': 6, 'l2': 3.0, 'columns': 1.0},
            lambda trial: {
                'rounds': trial.suggest_int('rounds', 80, 500, log=True),
                'rate': trial.suggest_float('rate', 0.02, 0.2, log=True),
                'depth': trial.suggest_int('depth', 1, 7),
                'l2': trial.suggest_float('l2', 0.5, 100, log=True),
                'columns': trial.suggest_float('columns', 0.1, 1.0),
            },
        ),
    ]
    return {each.name: each for each in known}


def _sampled(trial: Trial) -> Settings:
    return _boosted(trial) | {'rows': trial.suggest_float('rows', 0.4, 1.0)}


def _gained(trial: Trial) -> Settings:
    """What a split takes away, twice its log-likelihood, is about chi-squared where there is nothing to learn."""
    return _sampled(trial) | {'gain': trial.suggest_float('gain', 0.0, 20.0)}


MODELS: dict[str, Maker] = _makers()
"""By name: svm, forest, hist, xgboost, lightgbm, catboost."""


def installed() -> list[str]:
    """The names of the models whose library is here."""
    return [name for name in MODELS if name not in ('xgboost', 'catboost') or find_spec(name) is not None]
