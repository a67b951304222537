"""A run whose state is kept in PostgreSQL goes on there."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from ravel_world import Writer

from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import InputError
from ravelar.writing import write


def test_a_run_with_its_state_in_postgresql_waits_and_goes_on(tmp_path):
    url = os.environ.get("RAVELAR_TEST_POSTGRES")
    if not url:
        pytest.skip("no PostgreSQL: RAVELAR_TEST_POSTGRES is not set (.ci/postgres.sh starts one)")
    writer = Writer(2)
    options: Any = {"chat": ScriptedChat(writer), "out": tmp_path / "run", "checkpoints": url}
    first = write("Of harbours.", protocol="fixed", approve=["outline"], **options)
    assert first["waiting"]["kind"] == "outline"
    with pytest.raises(InputError, match=r"has its state in a PostgreSQL: give checkpoints"):
        write(out=tmp_path / "run", resume=True, chat=ScriptedChat(writer))
    done = write(resume=True, answer=lambda _: True, **options)
    assert done["end"] == "finished"
    assert len(writer.asked) == 5
    assert not list((tmp_path / "run").glob("checkpoints*"))


@pytest.mark.parametrize("url", ["mysql://x", "run.sqlite"])
def test_another_kind_of_place_is_refused_before_anything_is_made(tmp_path, url):
    with pytest.raises(InputError, match=r"allowed: postgresql://"):
        write("Of x.", chat=ScriptedChat(Writer(1)), out=tmp_path / "run", checkpoints=url)
    assert not (tmp_path / "run").exists()


def test_a_database_that_is_not_there_is_said_and_shows_no_password(tmp_path):
    with pytest.raises(InputError, match="can't be opened") as told:
        write(
            "Of x.",
            chat=ScriptedChat(Writer(1)),
            out=tmp_path / "run",
            checkpoints="postgresql://a:s3cret@127.0.0.1:1/x",
        )
    assert "s3cret" not in str(told.value)
