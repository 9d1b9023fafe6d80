"""What follows from the profiles against what is published of the systems they model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import orjson
import pytest

from orbitwin import profile, profile_facts
from orbitwin.cli import app
from orbitwin.errors import EXIT_USAGE
from orbitwin.physics import season
from orbitwin.shell_facts.links import received_dbm
from orbitwin.shell_facts.shell import ShellFacts
from orbitwin.sketch import view
from orbitwin.sketch.braille import braille
from orbitwin.sketch.svg import night, svg


@pytest.fixture(scope="module")
def of():
    known: dict[str, profile_facts.Facts] = {}

    def facts(name: str) -> profile_facts.Facts:
        if name not in known:
            known[name] = profile_facts.facts(profile.load(name))
        return known[name]

    return facts


def shells(facts: profile_facts.Facts) -> dict[str, ShellFacts]:
    return {shell.name: shell for shell in facts.shells}


def test_v2_mini_gives_28_kw(of):
    """arXiv 2511.19468: 105 m2 x 22 % x 1.361 x 90 % packing."""
    assert of("starlink_v2").shells[0].power.array_new_w == pytest.approx(28.3e3, abs=50)


def test_three_tiers_are_4_66_zops_and_36_5_gw(of):
    found = of("three_tier")
    assert found.satellites == 1_218_000
    assert found.fleet_peak_tops == pytest.approx(4.66e9, rel=1e-6)
    assert found.fleet_array_new_w == pytest.approx(36.54e9, rel=2e-3)
    tiers = {s.orbit.altitude_km: s.compute.peak_tops for s in found.shells}
    assert tiers == pytest.approx({500: 1_000, 1_000: 5_000, 2_000: 20_000}, rel=1e-6)
    assert [w.satellites for w in found.deployment] == [121_800, 609_000, 1_218_000]


def test_three_tiers_have_the_planes_of_the_suggested_layout(of):
    planes: dict[float, list[int]] = {}
    for shell in of("three_tier").shells:
        total = planes.setdefault(shell.orbit.altitude_km, [0, shell.orbit.satellites_per_plane])
        total[0] += shell.orbit.planes
        assert total[1] == shell.orbit.satellites_per_plane
    assert planes == {500: [800, 1000], 1000: [500, 600], 2000: [295, 400]}


@pytest.mark.parametrize(
    ("shell", "period_min", "inclination_deg", "sunlit_ratio"),
    [
        ("vleo_sso", 94.62, 97.40, 0.945),
        ("vleo_30", 94.62, 30.0, 0.639),
        ("leo_sso", 105.12, 99.48, 0.985),
        ("leo_30", 105.12, 30.0, 0.693),
        ("meo_sso", 127.20, 104.89, 1.0),
        ("meo_30", 127.20, 30.0, 0.769),
    ],
)
def test_periods_and_light_of_the_three_tiers(of, shell, period_min, inclination_deg, sunlit_ratio):
    """The best plane of a sun-synchronous shell is the one at dusk."""
    found = shells(of("three_tier"))[shell]
    assert found.orbit.period_min == pytest.approx(period_min, abs=0.01)
    assert found.orbit.inclination_deg == pytest.approx(inclination_deg, abs=0.01)
    assert found.eclipse.sunlit_most_plane_ratio == pytest.approx(sunlit_ratio, abs=0.002)


def test_the_year_of_the_suncatcher_orbit(of):
    """650 km at dusk: 87 to 91 days with eclipses of up to 19.7 minutes, sunlit 96.0-96.2 %."""
    found = of("suncatcher_81").shells[0]
    assert found.orbit.period_min == pytest.approx(97.73, abs=0.01)
    assert found.orbit.inclination_deg == pytest.approx(97.986, abs=0.005)
    assert found.eclipse.longest_min == pytest.approx(19.7, abs=0.1)
    assert 86 < found.eclipse.days_per_year < 92
    assert 0.959 < found.eclipse.sunlit_ratio < 0.963


@pytest.mark.parametrize("name", ["starcloud_88k", "chenguang_16", "three_body_12"])
def test_years_agree_with_the_season_of_sun_synchronous_orbits(of, name):
    known = profile.load(name)
    for shell, found in zip(known.shell, of(name).shells, strict=True):
        year = season.eclipse_season(shell.altitude_km * 1e3, shell.ltan_h, known.epoch_us)
        assert found.eclipse.sunlit_ratio == pytest.approx(float(year.sunlit_ratio), abs=2e-4)
        assert found.eclipse.longest_min * 60 == pytest.approx(float(year.longest_s), abs=2)
        assert found.eclipse.days_per_year == pytest.approx(float(year.eclipse_days), abs=1)


def test_starcloud_radiates_633_w_m2_near_20_degc(of):
    """The white paper absorbs 137 W/m2 of Sun and Earth, a plate edge-on some 20 less."""
    for shell in of("starcloud_88k").shells:
        assert shell.heat.radiator_w_m2 == pytest.approx(633, rel=0.01)
        assert shell.heat.radiator_degc == pytest.approx(20, abs=3)
        assert shell.eclipse.sunlit_ratio > 0.95
    assert of("starcloud_88k").satellites == 88_000
    assert of("starcloud_88k").fleet_payload_w == pytest.approx(5e9, rel=0.03)


def test_ai1_radiator_runs_hot(of):
    """120 kW on 110 m2, both faces, edge-on at 650 km: 55.7 degC; hotter lower, cooler higher."""
    found = [s.heat.radiator_degc for s in of("three_tier_ai1").shells]
    assert found[0] > 54 > found[-1] > 50
    assert max(found) < 58


def test_the_mvp_works_a_quarter_of_an_hour_and_rests(of):
    heat = of("suncatcher_mvp").shells[0].heat
    assert heat.headroom_k < 0  # the radiator alone would not hold it
    assert heat.work_s == pytest.approx(900, rel=0.1)
    assert heat.rest_s is not None
    assert heat.rest_s > heat.work_s


def test_chenguang_is_sixteen_gigawatts(of):
    found = of("chenguang_16")
    assert found.shells[0].power.load_w * found.satellites == pytest.approx(16e9, rel=0.03)


def test_three_body_has_744_tops_each(of):
    found = of("three_body_12")
    assert found.shells[0].compute.peak_tops == pytest.approx(744)
    assert found.shells[0].compute.rated_tops * 12 == pytest.approx(5_000, rel=0.01)
    ahead = found.shells[0].links[0]
    assert ahead.most_km == pytest.approx(2 * 6878.137 * np.sin(np.pi / 12), rel=1e-4)


def test_starlink_lasers_close_5400_km():
    """More than 5,400 km were reached (Brashears, SPIE 2024); here with ECSS's 3 dB."""
    known = profile.load("starlink_v2")
    terminal = dict(known.nominals[0].terminals[0])
    received = received_dbm(terminal, 5_400e3)
    assert received - terminal["sensitivity_dbm"] == pytest.approx(3.2, abs=0.2)


def test_memory_of_the_upper_tier_ages_in_months(of):
    """HBM's 2 krad (arXiv 2511.19468) within 1 to 2.5 months, most upsets from that tier."""
    found = shells(of("three_tier"))
    assert 0.7 < found["meo_30"].radiation.hbm_limit_months < 1.4
    assert 1.6 < found["meo_sso"].radiation.hbm_limit_months < 3.2
    fleet = of("three_tier").fleet_sdc_per_s
    upper = sum(found[f"meo_{k}"].radiation.shell_sdc_per_s for k in ("sso", "30"))
    assert fleet == pytest.approx(105, rel=0.3)
    assert 0.8 < upper / fleet < 0.92


@pytest.mark.parametrize("name", profile.shipped())
def test_facts_are_json(of, name):
    document = of(name).document()
    again = orjson.loads(orjson.dumps(document))
    assert again["satellites"] == profile.load(name).satellites
    assert len(again["shells"]) == len(profile.load(name).shell)
    numbers = json.dumps(document)
    assert "NaN" not in numbers
    assert "Infinity" not in numbers


@pytest.mark.parametrize("name", profile.shipped())
def test_sketches_are_pictures(name):
    known = profile.load(name)
    picture = svg(known)
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    assert len(picture) < 400_000
    words = "".join(root.itertext())
    assert f"{known.satellites:,} satellite" in words
    for shell in known.shell:
        assert shell.name in words
    lines = braille(known).splitlines()
    assert 25 < len(lines) <= 30
    assert max(len(line) for line in lines) <= 72
    assert any("Sun" in line for line in lines)


def test_planes_lie_on_their_shells_and_dots_count():
    known = profile.load("chenguang_16")
    (curve,) = view.curves(known)
    radius = known.shell[0].a_m / 6378137.0
    assert np.allclose(np.linalg.norm(curve.points, axis=0), radius)
    assert curve.dots.shape == (3, 16)
    _, to_sun = view.view_axes(known)
    assert to_sun[0] < -0.5  # to the left
    assert to_sun[2] > 0  # and before the page


def test_the_night_side_is_away_from_the_sun():
    known = profile.load("three_body_12")
    _, to_sun = view.view_axes(known)
    middle = night(to_sun).mean(axis=1)
    assert middle @ to_sun[:2] < 0


def test_profiles_verb(tmp_path, capsys):
    assert app.run(["profiles"]) == 0
    listed = capsys.readouterr().out
    for name in profile.shipped():
        assert name in listed
    assert app.run(["profiles", "three_tier"]) == 0
    shown = capsys.readouterr().out
    for words in ("What does not fit together", "4.66 ZOPS", "36.6 GW", "609,000 in year 6"):
        assert words in shown
    assert "orbitwin up --profile three_tier --satellites" in shown
    assert app.run(["profiles", "three_tier", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["shells"][5]["name"] == "meo_30"
    assert app.run(["profiles", "suncatcher_mvp", "--file"]) == 0
    text = capsys.readouterr().out
    mine = tmp_path / "mine.toml"
    mine.write_text(text, encoding="utf-8")
    assert app.run(["profiles", str(mine)]) == 0
    assert "15 min, then rests" in capsys.readouterr().out
    picture = tmp_path / "mine.svg"
    assert app.run(["profiles", str(mine), "--sketch", str(picture)]) == 0
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert app.run(["profiles", str(mine), "--sketch", "-"]) == 0
    assert "formations x satellites" in capsys.readouterr().out
    for wrong in (
        ["profiles", "--file"],
        ["profiles", "three_tier", "--file", "--json"],
        ["profiles", "three_tier", "--sketch", str(tmp_path / "absent" / "x.svg")],
        ["profiles", "three_tear"],
    ):
        assert app.run(wrong) == EXIT_USAGE
        assert capsys.readouterr().err.startswith("orbitwin: ")


def test_a_sketch_says_when_the_output_cannot_show_it():
    ended = subprocess.run(
        [sys.executable, "-m", "orbitwin", "profiles", "suncatcher_mvp", "--sketch", "-"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == EXIT_USAGE
    assert "cannot show a sketch" in ended.stderr
    assert ended.stdout == ""


def test_the_proton_model_says_where_it_ends(tmp_path):
    """AP-8's grid reaches from 300 to 2,000 km (decision 0080)."""
    text = profile.shipped()["three_body_12"].read_text()
    for altitude_km, beyond in ((160.0, True), (300.0, False), (2000.0, False), (35786.0, True)):
        path = tmp_path / "mine.toml"
        shell = text.replace("altitude_km = 500.0", f"altitude_km = {altitude_km}")
        path.write_text(shell.replace('inclination_deg = "sso"', "inclination_deg = 5.0"))
        (found,) = profile_facts.facts(profile.load(path)).shells
        assert found.radiation.of_nearest_altitude is beyond
