"""Where a library is: read from a URL, without opening anything."""

from pathlib import Path

import pytest

from ravelar.tools.adopted.place import Place, place_of
from ravelar.tools.errors import InputError


def test_the_argument_goes_before_the_environment_and_that_before_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("RAVELAR_LIBRARY", "/from/environment.sqlite")
    assert place_of("/from/argument.sqlite") == Place("sqlite", "/from/argument.sqlite")
    assert place_of() == Place("sqlite", "/from/environment.sqlite")
    monkeypatch.delenv("RAVELAR_LIBRARY")
    monkeypatch.setenv("HOME", "/home/me")
    assert place_of() == Place("sqlite", "/home/me/.local/share/ravelar/library.sqlite")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert place_of() == Place("sqlite", str(tmp_path / "ravelar" / "library.sqlite"))
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")
    assert place_of() == Place("sqlite", "/home/me/.local/share/ravelar/library.sqlite")


def test_sqlite_urls_count_strokes_as_everywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert place_of("sqlite:////abs/file").where == "/abs/file"
    assert place_of("sqlite:///here/file").where == str(tmp_path / "here" / "file")
    assert place_of("file with spaces.sqlite").where == str(tmp_path / "file with spaces.sqlite")
    assert place_of(Path("~/x.sqlite")).where == str(Path.home() / "x.sqlite")


@pytest.mark.parametrize("url", ["postgresql://me@host/db", "postgres://host"])
def test_postgresql_urls_are_kept_as_they_are(url):
    assert place_of(url) == Place("postgres", url)
    assert place_of(url).exists


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "http://host", "s3://bucket/x", "sqlite://", "sqlite:///", "sqlite://x", "a\0b"]
)
def test_other_places_are_refused_and_the_message_says_what_is_allowed(url):
    with pytest.raises(InputError, match=r"postgresql://"):
        place_of(url)


@pytest.mark.parametrize(
    "url", ["postgresql://me:s3cret@host/db", "postgresql://host/db?password=s3cret", "postgres://me:s3cr@et@h/db"]
)
def test_messages_hold_no_password(url):
    assert "s3cr" not in str(place_of(url))
    assert "***" in str(place_of(url))


def test_only_a_file_that_is_there_exists(tmp_path):
    assert not place_of(tmp_path / "none").exists
    assert not place_of(tmp_path).exists
    assert not place_of("memory:").exists
    (tmp_path / "some").touch()
    assert place_of(tmp_path / "some").exists
