"""A machine that has nothing but the package finds a diver and the joints."""

from pathlib import Path

import numpy as np
import pytest

from stagescore.pose.annotation import annotate
from stagescore.pose.networks import PoseNetworks
from stagescore.scoring.poses import open_pose_networks
from stagescore.simulate.dataset import Order, make_dive
from stagescore.weights import registry


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PoseNetworks:
    for name in ("STAGESCORE_WEIGHTS", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    found = open_pose_networks()
    assert isinstance(found, PoseNetworks), found
    return found


def test_what_ships_finds_a_simulated_diver_and_the_joints(networks: PoseNetworks) -> None:
    shipped = {Path(network.name).stem for network in registry.SHIPPED}
    for network in (networks.detector, networks.estimator):
        assert Path(network.identity.name).stem in shipped
    dive = make_dive(Order(num_dives=2, seed=12, size_px=(256, 144)), 1)
    air = range(dive.motion.first_airborne_frame, dive.motion.first_water_contact_frame)
    pictures = [picture for frame, picture in enumerate(dive.pictures) if frame in air]
    found = annotate(lambda: (picture.image for picture in pictures), networks)
    assert found.num_divers == 1
    true = np.stack([picture.joints_px for picture in pictures])
    head = np.linalg.norm(true[:, 9] - true[:, 8], axis=-1)
    off = np.linalg.norm(found.track.joints_px - true, axis=-1) / np.median(head)
    assert np.isfinite(off).mean() > 0.9
    assert np.nanmedian(off) < 0.35
