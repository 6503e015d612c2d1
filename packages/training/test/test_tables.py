import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from export_world import (
    FINGERPRINT,
    PAIRS,
    SCHEMAS,
    START,
    decision,
    encode,
    engagement,
    purchase,
    retraction,
    write_export,
)

from offerstream_training.avro import record_reader
from offerstream_training.choices import read_choices
from offerstream_training.main import MODELS, main
from offerstream_training.tables import Asked, tables
from offerstream_training.trouble import Trouble

CUSTOMER = 'c1'


def table_of(folder: Path, decisions: list[dict], events: list[dict], **more) -> tuple[dict, pl.DataFrame]:
    """The counts and the rows offered."""
    fingerprint = more.pop('fingerprint', None)
    export = write_export(folder / 'export', decisions, events, **more)
    result = tables(Asked(export, folder / 'table', MODELS, fingerprint=fingerprint), lambda _: None)
    return result, read_choices(folder / 'table').frame.filter(pl.col('offered'))


def shown(name: str = 'd1', day: float = 1, item: str | None = 'large') -> list[dict]:
    """Its display, at once."""
    return [engagement('displayed', name, CUSTOMER, day, item)]


def test_a_table_holds_the_eligible_candidates_of_a_kind_with_the_vectors_that_the_log_carries(tmp_path: Path):
    pairs = [float(place) for place in range(len(PAIRS))]
    made = [decision('d1', CUSTOMER, 1, pairs=pairs), decision('d2', 'c2', 31, arm='chance', chosen='max')]
    result, _ = table_of(tmp_path, made, shown())
    choices = read_choices(tmp_path / 'table')
    assert choices.features == ['purchases_90d', 'data_mb_30d']
    assert choices.pairs == PAIRS
    assert choices.frame['item'].to_list() == ['large', 'max'] * 2
    assert choices.x[0].tolist()[2:] == pairs
    assert choices.x[0][0] == 1
    assert np.isnan(choices.x[0][1])
    assert choices.frame['propensity'].to_list() == [0.5, 0.2] * 2
    assert choices.frame['price_minor'].to_list() == [2000, 4000] * 2
    assert choices.frame['month'].to_list() == [0, 0, 1, 1]
    assert choices.frame['control'].to_list() == [False, False, True, True]
    assert choices.frame['offered'].to_list() == [True, False, False, True]
    assert set(choices.frame['current']) == {'small'}
    assert result['warnings'][0] == 'left out, as absolute money or no longer a feature: spend_minor_90d'
    assert result['table'] | {'opened': 0} == {
        'rows': 4,
        'offers': 2,
        'organic': 0,
        'opened': 0,
        'accepted': 0,
        'rejected': 0,
        'control': 1,
        'customers': 2,
    }


@pytest.mark.parametrize(
    ('events', 'accepted', 'why'),
    [
        ([*shown(), purchase('p', CUSTOMER, 2)], True, 'a purchase after the display'),
        ([purchase('p', CUSTOMER, 2)], False, 'never displayed'),
        ([*shown(day=2), purchase('p', CUSTOMER, 1.5)], False, 'bought before it was displayed'),
        ([*shown(), purchase('p', CUSTOMER, 1)], True, 'at the very moment of the display'),
        ([*shown(), purchase('p', CUSTOMER, 15)], True, 'on the last moment of 14 days'),
        ([*shown(), purchase('p', CUSTOMER, 15 + 1e-7)], False, 'later than 14 days'),
        ([*shown(), purchase('p', CUSTOMER, 2, 'max')], False, 'another item'),
        ([*shown(), purchase('p', 'c2', 2)], False, 'another customer'),
        ([*shown(), purchase('p', CUSTOMER, 2), retraction('p', CUSTOMER, 40)], False, 'taken back, much later'),
        ([*shown(), retraction('p', CUSTOMER, 2), purchase('p', CUSTOMER, 2)], False, 'taken back before it came'),
        (
            [*shown(), purchase('p', CUSTOMER, 2), purchase('q', CUSTOMER, 3), retraction('p', CUSTOMER, 4)],
            True,
            'one of two',
        ),
        ([*shown(), purchase('p', CUSTOMER, 2) | {'journalledAt': START + 59 * 86_400_000}], True, 'it was told late'),
        (
            [engagement('displayed', None, CUSTOMER, 1.5), purchase('p', CUSTOMER, 2)],
            True,
            'a display without its offer',
        ),
        ([*shown(item=None), purchase('p', CUSTOMER, 2)], True, 'a display without its item'),
        ([*shown(), *[purchase('p', CUSTOMER, 2)] * 2], True, 'the purchase came twice'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_an_offer_is_accepted_by_a_purchase_of_its_item_within_14_days_of_its_display(
    tmp_path: Path, events: list[dict], accepted: bool, why: str
):
    _, rows = table_of(tmp_path, [decision('d1', CUSTOMER, 1)], events)
    assert rows['accepted'].to_list() == [accepted], why


def test_of_several_displays_of_an_item_the_newest_before_the_purchase_takes_it(tmp_path: Path):
    made = [decision(f'd{day}', CUSTOMER, day) for day in (1, 3, 6)]
    displays = [engagement('displayed', f'd{day}', CUSTOMER, day) for day in (1, 3, 6)]
    _, rows = table_of(tmp_path, made, [*displays, purchase('p', CUSTOMER, 5)])
    assert rows['accepted'].to_list() == [False, True, False]
    # The display of d1 came last, though it was decided first.
    late = [engagement('displayed', 'd1', CUSTOMER, 4)]
    _, rows = table_of(tmp_path, made, [*displays[1:], *late, purchase('p', CUSTOMER, 5)])
    assert rows['accepted'].to_list() == [True, False, False]


def test_opened_and_rejected_answer_the_offer_they_name_else_the_newest_of_its_item(tmp_path: Path):
    made = [decision('d1', CUSTOMER, 1), decision('d2', CUSTOMER, 2)]
    events = [
        *shown(),
        engagement('clicked', 'd1', CUSTOMER, 3),
        engagement('rejected', None, CUSTOMER, 4),
        engagement('opened', 'd2', CUSTOMER, 20),
    ]
    result, rows = table_of(tmp_path, made, events)
    assert rows['opened'].to_list() == [True, False]
    assert rows['rejected'].to_list() == [False, True]
    assert (result['displayed'], result['table']['opened'], result['table']['rejected']) == (1, 1, 1)


def test_offers_whose_14_days_have_not_passed_are_left_out_and_counted(tmp_path: Path):
    made = [decision('d1', CUSTOMER, 1), decision('d2', 'c2', 5), decision('d3', 'c3', 20)]
    late = [engagement('displayed', 'd2', 'c2', 17)]
    result, rows = table_of(tmp_path, made, [*shown(), *late, purchase('p', 'c3', 21)], end=30)
    assert rows['decision'].to_list() == ['d1']
    assert result['leftOut'] == {'not ripe': 2}
    assert result['ripe'] == 1


def test_no_offer_stands_apart_and_other_kinds_are_counted(tmp_path: Path):
    made = [decision('d1', CUSTOMER, 1), decision('d2', 'c2', 2, chosen=None), decision('d3', 'c3', 3, chosen='pack')]
    result, rows = table_of(tmp_path, made, [])
    assert rows['decision'].to_list() == ['d1']
    assert result['leftOut'] == {'not of a plan': 1}
    assert result['noOffer'] == 1
    silent = pl.read_parquet(tmp_path / 'table' / 'no-offer' / '*.parquet')
    assert silent.select('decision', 'reason', 'propensity', 'purchases_90d').row(0) == ('d2', 'best', 0.1, 1)


def test_repeats_of_a_decision_or_of_an_event_change_nothing(tmp_path: Path):
    made = [decision(f'd{index}', f'c{index}', 1 + index) for index in range(7)]
    events = [engagement('displayed', f'd{index}', f'c{index}', 1 + index) for index in range(7)]
    events += [purchase('p', 'c3', 5)]
    once, rows = table_of(tmp_path / 'once', made, events)
    twice, same = table_of(tmp_path / 'twice', made + made[::-1], events + events, per_file=3)
    assert rows.equals(same)
    assert twice['repeats'] == 7
    assert twice | {'repeats': 0, 'folder': ''} == once | {'folder': ''}


def test_two_records_of_one_id_that_differ_are_told_by_their_id(tmp_path: Path):
    made = [decision('d1', CUSTOMER, 1), decision('d1', CUSTOMER, 1, chosen='max')]
    with pytest.raises(Trouble, match='decision d1 is in the log with two different contents'):
        table_of(tmp_path, made, [])
    events = [purchase('p7', CUSTOMER, 2), purchase('p7', CUSTOMER, 2, 'max')]
    with pytest.raises(Trouble, match='purchase p7 of customer c1 is in the log with two different contents'):
        table_of(tmp_path / 'events', made[:1], events)
    # More than a day apart it is another event.
    _, rows = table_of(
        tmp_path / 'apart', made[:1], [*shown(), purchase('p7', CUSTOMER, 0.1), purchase('p7', CUSTOMER, 2)]
    )
    assert rows['accepted'].to_list() == [True]


def test_a_log_of_two_lists_of_features_is_refused_unless_one_is_named(tmp_path: Path):
    made = [decision('d1', CUSTOMER, 1), decision('d2', 'c2', 2, fingerprint='beef', features=[7.0])]
    names = {FINGERPRINT: ['purchases_90d', 'data_mb_30d', 'spend_minor_90d'], 'beef': ['texts_30d']}
    with pytest.raises(Trouble, match='two lists of features, f00d and beef'):
        table_of(tmp_path, made, [], names=names)
    result, rows = table_of(tmp_path, made, [], names=names, fingerprint='beef')
    assert rows['decision'].to_list() == ['d2']
    assert read_choices(tmp_path / 'table').features == ['texts_30d']
    assert result['leftOut'] == {'of features f00d': 1}
    with pytest.raises(Trouble, match='does not name the features f00d, it names beef'):
        table_of(tmp_path / 'unnamed', made, [], names={'beef': ['texts_30d']})


@pytest.mark.parametrize(
    ('what', 'said'),
    [
        ('nothing', 'holds no export: it has no manifest.json'),
        ('manifest', 'is no manifest of an export'),
        ('cut', '000.parquet is cut: it has'),
        ('changed', '000.parquet is not the file that was written'),
        ('missing', '000.parquet is missing'),
        ('no decisions', 'holds no decision'),
        ('nothing ripe', 'gives no ripe offer of a plan: 1 not ripe'),
    ],
)
def test_an_export_that_cannot_be_used_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, capsys, what: str, said: str
):
    folder = tmp_path / 'export'
    if what != 'nothing':
        made = [] if what == 'no decisions' else [decision('d1', CUSTOMER, 1)]
        write_export(folder, made, shown(), end=3 if what == 'nothing ripe' else 60)
    path = folder / 'decisions' / '2025-06-15' / '000.parquet'
    if what == 'manifest':
        (folder / 'manifest.json').write_text('{"format": 1}')
    elif what == 'cut':
        path.write_bytes(path.read_bytes()[:-100])
    elif what == 'changed':
        path.write_bytes(path.read_bytes()[:-1] + b'?')
    elif what == 'missing':
        path.unlink()
    assert main(['tables', '--export', str(folder), '--out', str(tmp_path / 'table')]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith('error: ')
    assert said in told[-1]
    assert sorted(each.name for each in tmp_path.iterdir()) == ([] if what == 'nothing' else ['export'])


def test_a_record_is_read_as_far_as_it_is_needed_and_one_that_is_cut_is_told():
    whole = encode(SCHEMAS['decisions'], decision('d1', CUSTOMER, 1))
    read = record_reader(json.dumps(SCHEMAS['decisions']), last='candidates')
    found = read(whole)
    assert list(found)[-1] == 'candidates'
    assert (found['id'], found['at'] - START) == ('d1', 86_400_000), 'a moment is a number'
    for size in range(0, len(whole) // 2, 7):
        with pytest.raises(Trouble, match=f'^{size} bytes are no whole Decision'):
            read(whole[:size])


def test_the_command_prints_its_counts_and_one_object(tmp_path: Path, capsys):
    events = [*shown(), purchase('p', CUSTOMER, 2)]
    folder = write_export(tmp_path / 'export', [decision('d1', CUSTOMER, 1)], events)
    for _ in range(2):
        assert main(['tables', '--export', str(folder), '--out', str(tmp_path / 'table'), '--json']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1])['table']['accepted'] == 1
    assert '1 offers in 2 rows of 1 customers: 0 opened, 1 accepted, 0 rejected' in lines
