"""Settings: flag over environment over file over default; mistakes named; secrets masked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from orbitwin.errors import UsageError
from orbitwin.settings import Settings, default_data_dir
from orbitwin.settings_source import load, setting_fields

SECRET = "s3cret-of-the-door"


def config(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "orbitwin.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = config(tmp_path, "[producer]\nseed = 2\nrate_hz = 2.0\nspeed = 2.0\n")
    env = {"ORBITWIN_PRODUCER__SEED": "3", "ORBITWIN_PRODUCER__RATE_HZ": "3"}
    settings = load({"producer.seed": 4, "producer.profile": None}, config=file, environ=env)
    assert settings.producer.seed == 4
    assert settings.producer.rate_hz == 3.0
    assert settings.producer.speed == 2.0
    assert settings.producer.profile == "suncatcher_81"


def test_file_is_config_else_variable_else_in_data_directory(tmp_path: Path) -> None:
    config(tmp_path, "[producer]\nseed = 1001\n")
    (other := tmp_path / "other.toml").write_text("[producer]\nseed = 1002\n")
    (third := tmp_path / "third.toml").write_text("[producer]\nseed = 1003\n")
    flags = {"data": tmp_path}
    env = {"ORBITWIN_CONFIG": str(other)}
    assert load(flags, environ={}).producer.seed == 1001
    assert load(environ={"ORBITWIN_DATA": str(tmp_path)}).producer.seed == 1001
    assert load(flags, environ=env).producer.seed == 1002
    assert load(flags, config=third, environ=env).producer.seed == 1003


def test_data_directory_follows_the_xdg_specification(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("XDG is Linux's rule")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / "orbitwin"


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(environ={"ORBITWIN_PRODUCER__SEED": ""}).producer.seed == 1


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[kafka]\nbootstrapp = 'x'\n", "unknown setting kafka.bootstrapp in", "kafka.bootstrap?"),
        ("[producer]\nworkers = 2\n", "unknown setting producer.workers in", "processor.workers?"),
        ("[kafka]\nbootstrap = 3\n", "setting kafka.bootstrap in", ""),
        ("[producer]\nseed = 'x'\n", "expected a whole number, got 'x'", ""),
        ("[producer\n", "is not TOML", ""),
        ("[log]\nlevel = 'loud'\n", "expected 'debug', 'info', 'warning' or 'error'", ""),
    ],
)
def test_a_mistake_in_the_file_names_it(tmp_path: Path, text: str, message: str, hint: str) -> None:
    file = config(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(config=file, environ={})
    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(UsageError) as unknown:
        load(environ={"ORBITWIN_KAFKA__BOOTSTRP": "x"})
    assert unknown.value.message == "unknown setting ORBITWIN_KAFKA__BOOTSTRP in the environment"
    assert "ORBITWIN_KAFKA__BOOTSTRAP" in unknown.value.hint
    with pytest.raises(UsageError, match=r"\(ORBITWIN_PRODUCER__SEED\): expected a whole number"):
        load(environ={"ORBITWIN_PRODUCER__SEED": "many"})
    with pytest.raises(UsageError, match="words with commas between, or JSON"):
        load(environ={"ORBITWIN_PRODUCER__SOURCES": "[a"})


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such settings file"):
        load(config=tmp_path / "absent.toml", environ={})


def test_a_door_beyond_loopback_needs_tls() -> None:
    with pytest.raises(UsageError, match=r"not loopback: it needs door\.tls_certfile"):
        load({"door.host": "0.0.0.0"}, environ={})


def test_sasl_needs_all_of_its_settings() -> None:
    with pytest.raises(UsageError, match=r"needs kafka\.sasl_password as well"):
        load(
            {
                "kafka.security_protocol": "SASL_SSL",
                "kafka.sasl_mechanism": "PLAIN",
                "kafka.sasl_username": "me",
            },
            environ={},
        )


def test_secrets_are_masked_in_every_dump() -> None:
    env = {"ORBITWIN_DOOR__PASSWORD": SECRET, "ORBITWIN_KAFKA__SASL_PASSWORD": SECRET}
    settings = load(environ=env)
    assert settings.door.password is not None
    assert settings.door.password.get_secret_value() == SECRET
    for shown in (str(settings), repr(settings), str(settings.dump()), settings.model_dump_json()):
        assert SECRET not in shown
    assert "***" in str(settings.dump())


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    file = config(tmp_path, "[door]\npassword = 4711\n")
    with pytest.raises(UsageError) as caught:
        load(config=file, environ={})
    assert "4711" not in str(caught.value)


def test_a_child_gets_the_same_settings_and_no_secret_in_its_arguments(tmp_path: Path) -> None:
    config(tmp_path, "[producer]\nseed = 5\n[kafka]\nbootstrap = 'file:1'\n")
    settings = load(
        {
            "data": tmp_path,
            "producer.seed": 1,  # back to the default, over the file
            "producer.sources": (Path("a,b.csv"), Path("c.csv")),
            "producer.start_epoch": "2026-01-31T12:00:00Z",
            "door.password": SecretStr(SECRET),
        },
        environ={},
    )
    assert load(environ=settings.to_env()) == settings
    code = (
        "from orbitwin.settings_source import load; import sys; s = load(); "
        "print(s.door.password.get_secret_value(), s.producer.seed, s.kafka.bootstrap, *sys.argv)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=settings.to_env() | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.split() == [SECRET, "1", "file:1", "-c"]


def test_with_values_changes_only_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBITWIN_PRODUCER__SEED", "9")  # read by load() alone
    settings = load({"kafka.bootstrap": "a:1", "door.password": SecretStr(SECRET)}, environ={})
    changed = settings.with_values({"kafka.bootstrap": "b:2", "vehicle": "birds3"})
    assert (changed.kafka.bootstrap, changed.vehicle) == ("b:2", "birds3")
    assert changed.door == settings.door
    assert changed.producer.seed == Settings().producer.seed == 1


def test_a_vehicle_file_becomes_an_absolute_path() -> None:
    assert load({"vehicle": "birds3"}, environ={}).vehicle == "birds3"
    assert Path(load({"vehicle": "mine.toml"}, environ={}).vehicle).is_absolute()


def test_every_setting_has_a_description() -> None:
    assert not [name for name, field in setting_fields() if not (field.description or "").strip()]
