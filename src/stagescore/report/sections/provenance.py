"""What the result was made from, for whoever wants to make it again."""

from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content:
    """One list."""
    return {"sentences": provenance(result)}


def provenance(result: Result) -> list[Sentence]:
    """File, weights, bank, networks and the version of the result."""
    hashed = f", SHA-256 {result.input.sha256}" if result.input.sha256 else ""
    found = [Sentence(f"Input {result.input.path}{hashed}.", ("input.path", "input.sha256"))]
    if nets := result.networks:
        found.append(
            Sentence(
                f"Weights {nets.weights}, hash {nets.weights_sha256}.",
                ("networks.weights", "networks.weights_sha256"),
            )
        )
        if nets.bank_sha256:
            found.append(Sentence(f"Exemplar bank, hash {nets.bank_sha256}.", ("networks.bank_sha256",)))
        if nets.detector or nets.estimator:
            names = " and ".join(name for name in (nets.detector, nets.estimator) if name)
            found.append(Sentence(f"Joints: {names}.", ("networks.detector", "networks.estimator")))
    return [*found, Sentence(f"Form of result.json: version {result.schema_version}.", ("schema_version",))]


SECTION = Section(order=100, title=None, reads=("input", "networks", "schema_version"), build=build)
