"""Warnings about misspelled variables at the start of a process."""

from __future__ import annotations

import json

import pytest

from function.entrypoints import startup


@pytest.fixture(autouse=True)
def _first_start() -> None:
    startup.warn_of_misspelled_settings.cache_clear()


@pytest.mark.parametrize(
    ("misspelled", "meant"),
    [
        ("DRYRUN", "DRY_RUN"),
        ("COOLDOWN_SECOND", "COOLDOWN_SECONDS"),
        ("DIRECT_SECRET", "DIRECT_SECRETS"),
        ("BLOKED_INSTANCES", "BLOCKED_INSTANCES"),
        ("max_purge", "MAX_PURGE"),
    ],
)
def test_a_misspelled_setting_is_named_once_and_its_value_never(
    misspelled: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        startup.warn_of_misspelled_settings(frozenset({misspelled, "PATH", "HOME"}))

    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["severity"] == "WARNING"
    assert f"{misspelled} is no setting; did you mean {meant}?" in line["message"]


def test_settings_and_the_variables_of_others_are_not_misspelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    others = {"PATH", "HOME", "LANG", "K_SERVICE", "PORT", "AWS_REGION", "LOGLEVELS_X", "SECRETS"}
    startup.warn_of_misspelled_settings(startup.variable_names() | others)

    assert capsys.readouterr().err == ""
