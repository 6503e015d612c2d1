import json
import shutil

import pytest

from offerstream_training.main import MODELS, main
from offerstream_training.registry import golden_distance, models_in
from offerstream_training.trouble import Trouble


@pytest.mark.parametrize('home', models_in(MODELS), ids=lambda home: f'{home.parent.name}/{home.name}')
def test_every_model_in_the_repository_says_in_python_what_its_library_said(home):
    assert golden_distance(home) <= 1e-6


def test_a_model_that_says_something_else_is_told_in_one_line(tmp_path, capsys):
    home = tmp_path / 'plan' / '1'
    shutil.copytree(models_in(MODELS)[0], home)
    golden = json.loads((home / 'golden.json').read_text())
    golden['probability'][7] += 2e-6
    (home / 'golden.json').write_text(json.dumps(golden))
    assert main(['parity', '--models', str(tmp_path)]) == 1
    assert capsys.readouterr().err == 'error: model plan/1 is off by 2e-06 on its golden rows, 1e-06 is allowed\n'
    (home / 'model.onnx').write_bytes((home / 'model.onnx').read_bytes()[:-1])
    with pytest.raises(Trouble, match='other bytes'):
        golden_distance(home)
