import sys; sys.path.insert(0,'/work/main/tests/scoring')
import made_scorer, stored_dives
def test_x(tmp_path_factory):
    s=made_scorer.scorer(tmp_path_factory)
    for d in stored_dives.dives(tmp_path_factory):
        r=s.score(d.frames_path,dive_number=d.dive_number,height_m=d.height_m)
        print(d.dive_id,r.status,r.score,r.reasons,r.events,r.timings,d.num_frames,d.transitions,d.frames_path)
    assert 0
