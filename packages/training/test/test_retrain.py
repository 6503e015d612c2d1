import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from choice_world import choice_world, write_table
from pointwise import fit
from write_choices import with_looks

from offerstream_training.choices import Choices, read_choices
from offerstream_training.main import main
from offerstream_training.parity import Parity
from offerstream_training.registry import golden_distance, models_in
from offerstream_training.retrain import run
from offerstream_training.retrain.canary import canary_of
from offerstream_training.retrain.champion import Ladder, Scores
from offerstream_training.retrain.command import champion_of
from offerstream_training.retrain.gate import Check, Limits, Moved, gate
from offerstream_training.retrain.lock import Held, held
from offerstream_training.retrain.value import Compared, Evidence, best, compared
from offerstream_training.retrain.versions import next_version, versions
from offerstream_training.trouble import Trouble

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope='session')
def log(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A choice table of three months, and the true probability of each row."""
    frame, truth = choice_world(6000, seed=1)
    return write_table(tmp_path_factory.mktemp('log'), with_looks(frame)), truth


def asked(folder: Path, **given) -> run.Asked:
    return run.Asked(folder / 'models', 'plan-ranker', folder / 'out', **given)


def retrained(folder: Path, table: Path, fit=fit, read=read_choices, **given) -> dict:
    return run.retrain(asked(folder, **given), lambda: read(table), fit, NOW, lambda line: None)


def refusals(decision: dict) -> list[str]:
    return [each['name'] for each in decision['checks'] if not each['passed']]


# The gate


def found(
    loss: float = 0.0, value: float = 0.0, effective: float = 1000.0, same: float = 0.5, came: float = 1.0
) -> Compared:
    """loss, value: the differences, as shares of the champion's, known within a hundredth of it."""

    def about(middle: float, near: float = 0.0) -> dict[str, float]:
        return {'value': middle, 'low': middle - near, 'high': middle + near}

    def three(champion: float, gap: float) -> dict[str, dict[str, float]]:
        change = about(champion * gap, champion / 100)
        return {'champion': about(champion), 'challenger': about(champion * (1 + gap)), 'difference': change}

    worth, ratio = three(0.01, value), three(1.0, came - 1)
    evidence = Evidence(10_000, effective, 0.01, 1.0, 50)
    both = {'champion': evidence, 'challenger': evidence}
    return Compared(worth, worth, three(0.2, loss), ratio, both, same, 10_000, 8_000, 300)


STILL, FAR = Moved('still', 0.01, 0.1, 0.5), Moved('far', 0.5, 0.1, 0.5)
WHOLE = Parity(1000, 0, 1e-8, 0)


def refused(compared_: Compared, drift=(STILL,), score=STILL, parity=WHOLE, known=None, limits=None) -> list[str]:
    limits = limits or Limits()
    return [each.name for each in gate(compared_, list(drift), score, parity, known, limits) if not each.passed]


@pytest.mark.parametrize(
    ('loss', 'value', 'evidence', 'drift'), list(itertools.product([True, False], repeat=4)), ids=str
)
def test_every_check_refuses_by_itself_and_none_excuses_another(loss, value, evidence, drift):
    given = found(-0.02 if loss else 0.05, 0.05 if value else -0.3, 1000 if evidence else 60)
    wrong = {'log-loss': loss, 'evidence': evidence, 'value': value, 'drift': drift}
    assert refused(given, [STILL if drift else FAR]) == [name for name, good in wrong.items() if not good]


def test_what_is_a_little_worse_passes_within_the_margin_and_not_beyond():
    tight = Limits(loss=0.04, value=0.04)
    assert refused(found(loss=0.029, value=-0.029), limits=tight) == []
    assert refused(found(loss=0.031, value=-0.031), limits=tight) == ['log-loss', 'value'], 'by its interval'


def test_calibration_parity_score_drift_and_known_bytes_refuse_too():
    assert refused(found(came=1.3)) == ['calibration']
    assert refused(found(came=0.7)) == ['calibration']
    assert refused(found(), parity=replace(WHOLE, misrouted=1)) == ['parity']
    assert refused(found(), score=FAR) == ['drift']
    assert refused(found(), drift=[replace(FAR, use=0.25)]) == [], 'what it hardly uses may drift'
    assert refused(found(), drift=[replace(FAR, use=0.2), replace(FAR, use=0.06)]) == ['drift']
    assert refused(found(), known='7') == ['new']


@pytest.mark.parametrize(
    ('lack', 'said'),
    [
        ({'effective': 60.0}, 'effective sample size 60 of 10,000 decisions, 100 are wanted'),
        ({'largestShare': 0.4}, 'one decision has 40% of all weight'),
        ({'overlap': 0.9}, '10.0% of what it picks was never possible'),
        ({'answers': 3}, '3 acceptances of what it picks, 10 are wanted'),
    ],
)
def test_a_log_that_cannot_carry_the_value_is_told_with_its_figures(lack, said):
    given = found()
    poor = replace(given, evidence=given.evidence | {'challenger': replace(given.evidence['challenger'], **lack)})
    check = next(each for each in gate(poor, [STILL], STILL, WHOLE, None, Limits()) if each.name == 'evidence')
    assert not check.passed
    assert f'challenger: {said}' in check.says
    assert refused(replace(poor, same=1.0)) == [], 'who picks the same needs no evidence'


# The value


def test_values_of_both_policies_are_those_of_the_world(log):
    table, truth = log
    choices = read_choices(table)
    rate = float(choices.column('accepted')[choices.shown()].mean())
    ladder, oracle = Ladder(rate).scores(choices), Scores(truth, truth)
    values = compared(choices, ladder, oracle)
    for who, scores in (('champion', ladder), ('challenger', oracle)):
        worth = truth[best(scores.preference, choices.start)].mean()
        for estimate in (values.value[who], values.snips[who]):
            assert estimate['low'] < worth < estimate['high']
            assert estimate['value'] == pytest.approx(worth, rel=0.1)
    assert values.came['challenger']['value'] == pytest.approx(1, abs=0.05)
    assert values.evidence['challenger'].effective < values.decisions / 3


def test_by_margin_a_dearer_plan_may_come_first(log):
    table, truth = log
    choices = read_choices(table)
    dear = choices.frame.with_columns(margin_minor=(pl.col('price_minor') ** 2 // 1000).cast(pl.Int32))
    choices = replace(choices, frame=dear)
    values = compared(choices, Scores(truth, truth), Scores(truth, truth), 'margin')
    margin = choices.column('margin_minor')
    worth = (truth * margin)[best(truth * margin, choices.start)].mean()
    assert values.value['champion']['value'] == pytest.approx(worth, rel=0.1)
    assert worth > (truth * margin)[best(truth, choices.start)].mean()


# Retraining


def weaker(choices: Choices, months: list[int]):
    """Without the input that matters: a champion that can be beaten."""
    return fit(replace(choices, x=choices.x[:, :3], pairs=choices.pairs[:1]), months)


def test_a_better_challenger_is_proposed_whole_and_the_same_one_is_not_proposed_again(log, tmp_path, capsys):
    table, _ = log
    given = ['retrain', 'plans', '--table', str(table), '--models', str(tmp_path / 'models'), '--json']
    assert main([*given, '--out', str(tmp_path / 'out')]) == 0
    *text, last = capsys.readouterr().out.splitlines()
    decision = json.loads(last)
    assert (decision['promoted'], decision['champion'], decision['version']) == (True, 'ladder rule', '1')
    assert f'model promote plan-ranker 1 --share {decision["canary"]["share"]:g}' in '\n'.join(text)
    assert sorted(each.name for each in (tmp_path / 'out').iterdir()) == [
        'decision.json',
        'report.html',
        'shadow.json',
    ]
    assert json.loads((tmp_path / 'out' / 'decision.json').read_text()) == decision
    home = tmp_path / 'models' / 'plan-ranker' / '1'
    assert golden_distance(home) <= 1e-6
    manifest = json.loads((home / 'manifest.json').read_text())
    record = json.loads((tmp_path / 'out' / 'shadow.json').read_text())
    assert record == {
        **{'type': 'model', 'name': 'plan-ranker', 'version': '1', 'stage': 'shadow'},
        'sha256': manifest['sha256'],
    }
    assert manifest['pairs'] == ['bill_change', 'quota_to_use']
    assert 'ladder rule' in (home / 'card.md').read_text()
    report = (tmp_path / 'out' / 'report.html').read_text()
    assert report.count('<svg') >= 8
    assert '<script' not in report
    assert 'http' not in report.replace('http://www.w3.org', '')

    assert main([*given, '--out', str(tmp_path / 'again')]) == 3
    captured = capsys.readouterr()
    again = json.loads(captured.out.splitlines()[-1])
    assert (again['champion'], refusals(again)) == ('plan-ranker/1', ['new'])
    assert 'REFUSED new: its bytes are those of 1' in captured.out
    assert 'plan-ranker/1 stays' in captured.out
    assert sorted(each.name for each in (tmp_path / 'again').iterdir()) == ['decision.json', 'report.html']
    assert versions(tmp_path / 'models' / 'plan-ranker') == ['1']
    assert list((tmp_path / 'models').iterdir()) == [home.parent], 'the lock is given back'


def shuffled(choices: Choices, months: list[int]):
    """Fits on answers dealt out anew among the offers."""
    offered = np.flatnonzero(choices.column('offered'))
    accepted = choices.column('accepted').copy()
    accepted[offered] = np.random.default_rng(0).permutation(accepted[offered])
    return fit(replace(choices, frame=choices.frame.with_columns(accepted=accepted)), months)


def test_a_challenger_of_shuffled_answers_is_refused_and_without_the_gate_it_is_not(log, tmp_path, monkeypatch):
    table, _ = log
    assert retrained(tmp_path, table)['promoted']
    decision = retrained(tmp_path, table, fit=shuffled)
    assert {'log-loss', 'value'} <= set(refusals(decision))
    assert versions(tmp_path / 'models' / 'plan-ranker') == ['1']
    monkeypatch.setattr(run, 'gate', lambda *given: [Check('open', True, '')])
    assert retrained(tmp_path, table, fit=shuffled)['version'] == '2'


def test_a_population_that_changed_is_told_and_refused(log, tmp_path):
    table, _ = log

    def read(folder: Path) -> Choices:
        choices = read_choices(folder)
        choices.x[choices.column('month') == 2, choices.names.index('quota_to_use')] += 1
        return choices

    decision = retrained(tmp_path, table, read=read)
    assert 'drift' in refusals(decision)
    assert 'furthest quota_to_use' in next(each['says'] for each in decision['checks'] if each['name'] == 'drift')


def test_the_challenger_never_sees_the_month_it_is_judged_on(log, tmp_path):
    table, _ = log
    seen = []

    def watched(choices: Choices, months: list[int]):
        seen.append((sorted(set(choices.column('month').tolist())), months))
        return fit(choices, months)

    decision = retrained(tmp_path, table, fit=watched)
    assert seen == [([0, 1], [0, 1])]
    assert decision['months'] == {'learnt': [0, 1], 'judged': [2]}


def test_what_cannot_be_retrained_is_one_line(log, tmp_path, capsys):
    table, _ = log
    given = ['retrain', 'plans', '--models', str(tmp_path / 'models')]
    assert main([*given, '--table', str(tmp_path), '--out', str(tmp_path / 'out')]) == 1
    assert capsys.readouterr().err == f'error: {tmp_path} holds no choice table: it has no columns.json\n'
    assert main([*given, '--table', str(table), '--judge-months', '0']) == 1
    assert capsys.readouterr().err == 'error: --judge-months is 0, wanted 1 at least\n'
    with pytest.raises(Trouble, match='champion plan-ranker/9 cannot be read'):
        retrained(tmp_path, table, champion='9')
    frame, _ = choice_world(100)
    early = write_table(tmp_path / 'early', frame.filter(pl.col('month') < 2))
    with pytest.raises(Trouble, match='offers of 2 months, wanted 3: to learn'):
        retrained(tmp_path, early)
    assert not (tmp_path / 'out').exists()
    assert versions(tmp_path / 'models' / 'plan-ranker') == []


def test_a_champion_whose_inputs_the_table_lacks_is_named_with_them(log, tmp_path):
    table, _ = log
    retrained(tmp_path, table)

    def read(folder: Path) -> Choices:
        choices = read_choices(folder)
        return replace(choices, x=choices.x[:, :3], pairs=choices.pairs[:1])

    with pytest.raises(Trouble, match=r'model plan-ranker/1 needs quota_to_use'):
        retrained(tmp_path, table, read=read)


# The canary


def test_a_canary_is_as_small_as_shows_the_gain_else_as_shows_harm():
    wide = canary_of(0.05, 0.02, 100_000, 8)
    assert (wide['shows'], wide['share']) == ('gain', 0.01)
    poor = canary_of(0.0005, 0.0003, 24_000, 8)
    said = 'canary: 50% of customers for 8 weeks show whether acceptances halve; the gain they cannot show'
    assert (poor['shows'], poor['says']) == ('harm', said)
    assert canary_of(0.0005, 0.0003, 20_000, 40)['shows'] == 'gain'
    assert canary_of(0.0005, 0.0003, 2_000, 8) == {
        **{'share': 0.5, 'weeks': 8, 'shows': None},
        'says': 'canary: not even half of the customers for 8 weeks show whether acceptances halve',
    }
    assert canary_of(0.05, -0.01, 100_000, 8)['shows'] == 'harm'


# Versions


def test_a_version_is_one_above_the_largest_there_ever_was(tmp_path):
    assert next_version(tmp_path / 'none') == '1'
    for name in ('1', '2', '10', 'best', '.11.99'):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == '11'
    for name in ('2', '10', 'best'):
        (tmp_path / name / 'manifest.json').write_text('{}')
    assert versions(tmp_path) == ['best', '2', '10'], 'a folder without a manifest is none'


# The lock


def test_a_second_run_says_who_holds_the_lock_and_leaves(log, tmp_path, capsys):
    table, _ = log
    given = ['retrain', 'plans', '--table', str(table), '--models', str(tmp_path)]
    with held(tmp_path / '.plan-ranker.retrain.lock', NOW) as took_over:
        assert took_over is None
        assert main([*given, '--out', str(tmp_path / 'out')]) == 4
        assert f'locked: process {os.getpid()} of 2026-03-01T00:00:00+00:00 is retraining' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_process_is_gone_is_taken_over_and_it_says_so(log, tmp_path):
    lock = tmp_path / 'models' / '.plan-ranker.retrain.lock'
    lock.parent.mkdir()
    lock.write_text('{"pid": 4194300, "start": "2026-02-01T00:00:00+00:00"}')
    decision = retrained(tmp_path, log[0])
    said = 'process 4194300 of 2026-02-01T00:00:00+00:00 is gone; its lock is taken over'
    assert (decision['promoted'], decision['tookOver']) == (True, said)
    assert not lock.exists()


def most_at_once(lock: Path) -> int:
    """How many of twelve threads that want it again and again are inside together."""
    inside, most = [], []

    def take() -> None:
        for _ in range(30):
            try:
                with held(lock, NOW):
                    inside.append(1)
                    most.append(len(inside))
                    time.sleep(0.0005)
                    inside.pop()
            except Held:
                time.sleep(0.0002)

    threads = [threading.Thread(target=take) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(most)


def test_of_many_at_once_one_holds_it_and_without_the_kernel_several_would(tmp_path, monkeypatch):
    assert most_at_once(tmp_path / 'lock') == 1
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr('fcntl.flock', lambda file, how: None)
    assert most_at_once(tmp_path / 'lock') > 1


# A kill in the middle


@pytest.mark.parametrize('where', ['before the decision', 'between files of the model'])
def test_a_run_killed_in_the_middle_leaves_champion_and_folder_usable(where, log, tmp_path, monkeypatch):
    table, _ = log
    with monkeypatch.context() as patch:
        patch.setattr(run, 'gate', lambda *given: [Check('open', True, '')])
        retrained(tmp_path, table, fit=weaker)
    home = tmp_path / 'models' / 'plan-ranker'
    champion = (home / '1' / 'model.onnx').read_bytes()
    code = [sys.executable, str(Path(__file__).with_name('kill_retrain.py')), str(table), str(tmp_path), where]
    environment = os.environ | {'PYTHONPATH': str(Path(__file__).parents[1])}
    ended = subprocess.run(code, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr

    assert models_in(tmp_path / 'models') == [home / '1']
    assert golden_distance(home / '1') <= 1e-6
    assert (home / '1' / 'model.onnx').read_bytes() == champion
    if where == 'between files of the model':
        [left] = [each for each in home.iterdir() if each.name[0] == '.']
        with pytest.raises(FileNotFoundError):
            golden_distance(left)

    decision = retrained(tmp_path, table)
    assert 'is gone; its lock is taken over' in decision['tookOver']
    assert (decision['promoted'], decision['champion'], decision['version']) == (True, 'plan-ranker/1', '2')
    assert sorted(each.name for each in home.iterdir()) == ['1', '2']


def test_the_champion_is_the_playbook_s_where_one_is_given(tmp_path):
    file = tmp_path / 'playbook.json'
    stages = {'1': 'retired', '2': 'champion', '3': 'shadow'}
    records = [{'type': 'model', 'name': 'plan-ranker', 'version': at, 'stage': of} for at, of in stages.items()]
    file.write_text(
        'some progress\n' + json.dumps({'version': 7, 'records': [{'type': 'item', 'name': 'x'}, *records]})
    )
    assert champion_of(file, 'plan-ranker') == '2'
    with pytest.raises(Trouble, match='0 champions called other'):
        champion_of(file, 'other')
    file.write_text('nothing')
    with pytest.raises(Trouble, match='not what playbook get --json prints'):
        champion_of(file, 'plan-ranker')
