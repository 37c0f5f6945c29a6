"""Where real embeddings are looked for, and what is said where they are missing."""

import numpy as np
import pytest

from experiments import features


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Three folders with one file each: of the option, of the variable and of the repository."""
    folders = [tmp_path / name for name in ("option", "variable", "data")]
    for folder in folders:
        folder.mkdir()
        np.save(folder / "features_clip.npy", np.ones((2, 3, 4)))
    monkeypatch.setenv("GAPDYN_DATA", str(folders[1]))
    monkeypatch.setattr(features, "DATA", folders[2])
    return folders


def test_the_option_goes_before_the_variable_and_the_variable_before_data(places, monkeypatch):
    option, variable, data = (folder / "features_clip.npy" for folder in places)
    assert features.find(features.TRAINED, places[0]) == option
    assert features.find(features.TRAINED, option) == option
    assert features.find(features.TRAINED) == variable
    monkeypatch.setenv("GAPDYN_DATA", "")
    assert features.find(features.TRAINED) == data
    monkeypatch.delenv("GAPDYN_DATA")
    assert features.find(features.TRAINED) == data


def test_a_place_that_is_named_is_the_only_one_looked_at_and_all_three_are_said(places):
    (places[1] / "features_clip.npy").unlink()
    with pytest.raises(features.FeaturesMissingError) as missing:
        features.find(features.TRAINED)
    line = str(missing.value)
    assert "\n" not in line and f"no real embeddings in {places[1]}: get features_clip.npy" in line
    assert all(place in line for place in ("data/", "--features", "GAPDYN_DATA"))


def test_data_is_looked_for_in_the_repository_where_git_ignores_it():
    root = features.DATA.parent
    assert (root / "pyproject.toml").is_file()
    assert "/data/" in (root / ".gitignore").read_text().splitlines()
