"""Who is learnt from and who is judged on: nobody is on both sides, and time only runs forward."""

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedKFold, train_test_split

from .trouble import Trouble

Part = tuple[np.ndarray, np.ndarray]


def hold_out(y: np.ndarray, group: np.ndarray | None, time: np.ndarray | None, share: float = 0.2) -> Part:
    """Training and test rows, as indices. By time the latest, else whole groups, else at random by class.

    y, group, time: (n,). Rows of one moment stay on one side. A group that is on both sides leaves the training rows.
    Raises `Trouble` where nothing is left to learn from.

    >>> train, test = hold_out(np.array([0, 1] * 10), None, np.arange(20))
    >>> test.tolist()
    [16, 17, 18, 19]
    """
    rows = np.arange(len(y))
    if time is not None:
        late = time >= np.sort(time)[int(len(time) * (1 - share))]
        train, test = rows[~late], rows[late]
        if len(train) == 0:
            raise Trouble('no row is earlier than the latest fifth: there is nothing to learn from')
    elif group is not None:
        if len(np.unique(group)) < 2:
            raise Trouble('all rows are of one group, wanted two at least')
        train, test = next(GroupShuffleSplit(1, test_size=share, random_state=0).split(rows, groups=group))
    else:
        train, test = train_test_split(rows, test_size=share, stratify=y, random_state=0)
    return without_shared(train, test, group), np.sort(test)


def without_shared(train: np.ndarray, test: np.ndarray, group: np.ndarray | None) -> np.ndarray:
    """The training rows whose group is not among the test rows', in order."""
    return np.sort(train if group is None else train[~np.isin(group[train], group[test])])


def folds(y: np.ndarray, group: np.ndarray | None, time: np.ndarray | None, count: int) -> list[Part]:
    """Parts of the training rows to fit and to validate on: forward in time, else by group, else by class."""
    rows = np.arange(len(y))
    if time is not None:
        cuts = np.sort(time)[(np.linspace(0.4, 1, count + 1)[:-1] * len(time)).astype(int)]
        ends = [*cuts[1:], None]
        parts = []
        for start, end in zip(cuts, ends, strict=True):
            later = rows[(time >= start) & (True if end is None else time < end)]
            parts.append((without_shared(rows[time < start], later, group), later))
        return parts
    if group is not None:
        return list(GroupKFold(count, shuffle=True, random_state=0).split(rows, groups=group))
    return list(StratifiedKFold(count, shuffle=True, random_state=0).split(rows, y))
