"""Golden numbers of tiny networks whose weights and inputs are ramps, so that no generator can change them.

Make them anew, after looking at why they changed, with: python tests/models/golden.py
"""

import json
from pathlib import Path
from typing import Any

import torch

FILE = Path(__file__).with_name("golden.json")
FRAMES = 24


def ramp(*shape: int, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    """Values from `low` to `high`, row by row."""
    count = torch.Size(shape).numel()
    return torch.linspace(low, high, count).view(shape)


def ramped(model: torch.nn.Module) -> torch.nn.Module:
    """The same network with ramps for weights, each with a phase of its own."""
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            count = parameter.numel()
            wave = torch.sin(torch.arange(count, dtype=torch.float64) * 0.7 + number)
            parameter.copy_(0.4 * wave.view(parameter.shape).float())
    return model


def numbers(row: str) -> dict[str, Any]:
    """What a model of a row of `test_hp_mcore.TABLES` answers: differences, edges, losses."""
    import test_hp_mcore as rows

    from stagescore.tensors import DiveInputs
    from stagescore.training.assembly.model import make_objective
    from stagescore.training.settings import ObjectiveSettings

    model = rows.model_of(row)
    ramped(model)
    model.eval()
    seen = DiveInputs(
        frames=(127.5 + 127.5 * torch.sin(ramp(4, FRAMES, 3, 32, 32, low=0, high=900))).to(torch.uint8),
        joints=torch.stack(
            [torch.sin(ramp(4, FRAMES, 16, low=0, high=k * 60.0)) / 2 for k in (1, 2)]
            + [torch.ones(4, FRAMES, 16)],
            dim=-1,
        ),
        has_video=torch.ones(4, dtype=torch.bool),
        has_skeleton=torch.ones(4, dtype=torch.bool),
    )
    with torch.no_grad():
        features = model.encode(seen)
        stages = model.represent(features, rows.edges_for(model, 4))
        query, exemplar = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
        comparison = model.compare(stages.select(query), stages.select(exemplar), torch.zeros(3))
        terms = make_objective(model, ObjectiveSettings()).eval()(rows.training_batch(model, seen))
        return {
            "delta": [round(v, 7) for v in comparison.delta.tolist()],
            "edges": model.segment(features).edges.tolist(),
            "terms": {name: round(float(value), 4) for name, value in sorted(terms.items())},
        }


ROWS = ("full", "III HSE", "VI TCN", "VI ASFormer", "IX dot product", "release")

if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parent))
    torch.set_num_threads(1)
    FILE.write_text(json.dumps({row: numbers(row) for row in ROWS}, indent=1) + "\n")
