"""Imports only point down the flow, commands start without PyTorch, and the documents tell the truth."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "stagescore"

# Each layer may import itself and what stands before it (ARCHITECTURE.md).
LAYERS = (
    "__init__",
    "printable",
    "errors",
    "shortages",
    "json_files",
    "csv_tables",
    "hashing",
    "atomic",
    "locking",
    "workers",
    "extras",
    "named_files",
    "zip_archives",
    "spreadsheets",
    "array_archives",
    "skeleton",
    "skeleton_mapping",
    "types",
    "tensors",
    "batch",
    "config",
    "card_files",
    "configs",
    "tables",
    "diving",
    "layers",
    "media",
    "pose",
    "measures",
    "captions",
    "data",
    "simulate",
    "encoders",
    "segmentation",
    "fusion",
    "losses",
    "regression",
    "models",
    "inference",
    "weights",
    "training",
    "evaluation",
    "scoring",
    "report",
    "figures",
    "benchmarks",
    "cli",
)


def layer_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def upward_imports(path: Path, source: str) -> list[str]:
    own = path.relative_to(SOURCE).with_suffix("").parts[0]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            modules = [node.module or ""]
            if node.module == "stagescore":
                modules = [f"stagescore.{alias.name}" for alias in node.names if alias.name != "__version__"]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "stagescore" and LAYERS.index(layer_of(module)) > LAYERS.index(own):
                found.append(f"{path}:{node.lineno} imports {module}")
    return found


def source_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_every_package_has_its_place_in_the_flow() -> None:
    unknown = {path.relative_to(SOURCE).with_suffix("").parts[0] for path in source_files()} - set(LAYERS)
    assert not unknown


def test_imports_only_point_down_the_flow() -> None:
    assert not [line for path in source_files() for line in upward_imports(path, path.read_text())]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("media/source.py", "from stagescore.data.manifest import Manifest"),
        ("types.py", "import stagescore.media.source"),
        ("data/checks.py", "from stagescore import report"),
    ],
)
def test_an_import_that_points_up_is_noticed(file: str, line: str) -> None:
    assert upward_imports(SOURCE / file, line)


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_file_switches_shape_checks_off() -> None:
    # Postponed annotations silently turn jaxtyping's checks of dataclasses off.
    assert not [p for p in source_files() if "from __future__ import annotations" in p.read_text()]


def test_nothing_unpickles_or_loads_weights_unsafely() -> None:
    for path in source_files():
        text = path.read_text()
        assert not re.search(r"^\s*(import|from) (c?pickle|dill|cloudpickle|shelve|joblib)\b", text, re.M), (
            path
        )
        assert "allow_pickle=True" not in text, path
        assert not re.search(r"torch\.load\((?!.*weights_only=True)", text), path


def test_json_is_read_in_one_place() -> None:
    # `json.loads` raises a RecursionError for JSON that is nested too deeply, which readers of files do not expect.
    others = [path for path in source_files() if re.search(r"\bjson\.loads?\(", path.read_text())]
    assert others == [SOURCE / "json_files.py"]


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"], ["data", "check", "--help"]])
def test_help_starts_without_pytorch_or_pandas(arguments: list[str]) -> None:
    program = (
        "import sys; from stagescore.cli.main import app\n"
        f"try: app({arguments!r})\nexcept SystemExit: pass\n"
        "sys.stderr.write(','.join(m for m in ('torch', 'pandas', 'matplotlib', 'scipy') if m in sys.modules))"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert "Usage" in done.stdout
    assert done.stderr == ""


def test_links_in_the_documents_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_the_readme_names_only_commands_that_exist() -> None:
    from typer.testing import CliRunner

    from stagescore.cli.main import app

    text = "\n".join(re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S))
    commands = {tuple(m.split()) for m in re.findall(r"^stagescore ((?:data )?[a-z][a-z-]*)", text, re.M)}
    assert commands
    for command in commands:
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0, command
    targets = set(re.findall(r"^make ([a-z-]+)", text, re.M))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)


@pytest.mark.parametrize("package", ["inference", "scoring", "report"])
def test_whoever_scores_a_film_loads_nothing_that_only_research_needs(package: str) -> None:
    # In a process of its own, since other tests have loaded these packages already.
    program = (
        "import sys, importlib, pkgutil\n"
        f"package = importlib.import_module('stagescore.{package}')\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'): importlib.import_module(module.name)\n"
        "print(*sorted({name.split('.')[1] for name in sys.modules if name.startswith('stagescore.')}))\n"
        "print(*sorted({'scipy', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours, others = done.stdout.split("\n")[:2]
    loaded = set(ours.split())
    assert package in loaded
    assert not loaded & {"training", "evaluation", "figures", "benchmarks"}
    assert not others  # each takes a good part of a second before a film is opened


WITHOUT_EXTRAS = """
import sys
from stagescore.extras import EXTRAS
for package in EXTRAS:
    sys.modules[package] = None
"""


def test_whoever_scores_a_film_needs_no_extra() -> None:
    program = WITHOUT_EXTRAS + (
        "import stagescore.report.score_files, stagescore.report.summary, stagescore.scoring.batch, stagescore.scoring.compare\n"
        "from stagescore.scoring.scorer import Scorer\n"
        "print(len(Scorer.load().scoring_networks))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 2


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (
            "from stagescore.encoders.backbones import ImageBackbone; ImageBackbone()",
            "resnet50 needs timm.*stagescore.train.",
        ),
        (
            "from stagescore.scoring.result import Result; Result.table(None)",
            "needs pandas.*stagescore.plots.",
        ),
    ],
)
def test_what_an_extra_is_needed_for_names_it(program: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS + program], capture_output=True, text=True, check=False
    )
    assert done.returncode and re.search(told, done.stderr), done.stderr


def test_a_command_whose_extra_is_missing_says_so_in_a_line(tmp_path: Path) -> None:
    labels = ROOT / "examples" / "invented_dives.csv"
    program = WITHOUT_EXTRAS + (
        "from stagescore.cli import main\n"
        "def run(*words):\n"
        "    sys.argv = ['stagescore', *words]\n"
        "    try: main.main()\n"
        "    except SystemExit as ended: return ended.code\n"
        f"run('data', 'import', 'csv', {str(labels)!r}, '--out', {str(tmp_path / 'labels')!r}, '--quiet')\n"
        f"sys.exit(run('data', 'floors', {str(tmp_path / 'labels')!r}, '--plot', {str(tmp_path / 'x.png')!r}, '--quiet'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "pip install 'stagescore[plots]'" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
