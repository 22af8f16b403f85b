"""What others have published, to stand beside our figures and never to pass for them.

The numbers are typed from their sources (method, section 10). None of them comes with an interval. Published
practice picks the best epoch on the test split, for each metric by itself (method, section 8).
Readings: Tables III to IX do not name their protocol; their last rows are those of Table I with dive numbers. The
names of the skeleton's levels in Table IV are lost with the formula images of the text: its first three rows are
taken to be the lowest, middle and highest level; which two the fourth combines is not known.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

PAPER = "arXiv 2501.03674"
_RELEASE = "github.com/Lumos0507/HP-MCoRe, picture of the results"

Dataset = Literal["finediving", "mtl-aqa", "finediving-hm", "mtl-aqa-hm", "unlv-dive"]
PublishedProtocol = Literal["w/ DN", "w/o DN", "w/ DD", "w/o DD", ""]
"""How exemplars are chosen, as published; empty where method, section 10 does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One row of somebody's table.

    Attributes:
        method: Name of the method as published; `HP-MCoRe` for the paper's own.
        dataset: Data set that it was measured on.
        protocol: How exemplars were chosen; empty where it is not said.
        source: Publication, and table in it, where the row stands.
        year: Year of the method; None where the table has none.
        ablation: Name of the configuration that is the same change to our model, for Tables III to IX;
            `full` is the whole model.
        srcc: Spearman's rank correlation.
        rl2x100: Relative L2 distance times 100; None where it is not published.
        aiou50: AIoU@0.5 in percent; None where it is not published.
        aiou75: AIoU@0.75 in percent; None where it is not published.
        published: Always true; it travels with the row.
    """

    method: str
    dataset: Dataset
    protocol: PublishedProtocol
    source: str
    srcc: float
    rl2x100: float | None = None
    aiou50: float | None = None
    aiou75: float | None = None
    year: int | None = None
    ablation: str = ""
    published: Literal[True] = field(default=True, init=False)

    @property
    def figures(self) -> dict[str, float]:
        """The figures that are given, by their names in `bootstrap.FIGURES`."""
        return {
            name: value
            for name in ("srcc", "rl2x100", "aiou50", "aiou75")
            if (value := getattr(self, name)) is not None
        }


_UNI_FINEPARSER: tuple[tuple[Dataset, float, float], ...] = (
    ("finediving-hm", 0.9501, 0.229),
    ("mtl-aqa-hm", 0.9622, 0.230),
)

# UNLV-Dive is "diving" of AQA-7. method | year | SRCC | where it was proposed
_UNLV = """
    Pose+DCT | 2014 | 0.53  | Pirsiavash et al., ECCV 2014
    C3D-LSTM | 2017 | 0.605 | Parmar and Morris, CVPRW 2017
    C3D-SVR  | 2017 | 0.790 | Parmar and Morris, CVPRW 2017
    S3D      | 2018 | 0.86  | Xiang et al., ICIP 2018
    USDL     | 2020 | 0.810 | Tang et al., CVPR 2020
    TSA-Net  | 2021 | 0.838 | Wang et al., ACM MM 2021
    CoRe     | 2021 | 0.882 | Yu et al., ICCV 2021
    TPT      | 2022 | 0.897 | Bai et al., ECCV 2022
"""

# method | year | SRCC | R-l2 x 100 | AIoU@0.5 | AIoU@0.75
_COMPARED: dict[tuple[str, Dataset, PublishedProtocol], str] = {
    ("I", "finediving", "w/o DN"): """
        USDL     | 2020 | 0.8302 | 0.592 | -     | -
        MUSDL    | 2020 | 0.8427 | 0.573 | -     | -
        CoRe     | 2021 | 0.8631 | 0.556 | -     | -
        TSA      | 2022 | 0.8925 | 0.478 | 80.71 | 30.17
        MCoRe    | 2024 | 0.8897 | 0.461 | 89.42 | 74.46
        HP-MCoRe | 2024 | 0.9041 | 0.411 | 98.17 | 93.68
    """,
    ("I", "finediving", "w/ DN"): """
        USDL     | 2020 | 0.8504 | 0.583 | -     | -
        MUSDL    | 2020 | 0.8978 | 0.370 | -     | -
        CoRe     | 2021 | 0.9061 | 0.361 | -     | -
        TSA      | 2022 | 0.9203 | 0.342 | 82.51 | 34.31
        MCoRe    | 2024 | 0.9232 | 0.326 | 98.26 | 79.17
        HP-MCoRe | 2024 | 0.9365 | 0.244 | 99.46 | 97.18
    """,
    ("II", "mtl-aqa", "w/o DD"): """
        Pose+DCT | 2014 | 0.2682 | -     | - | -
        C3D-SVR  | 2017 | 0.7716 | -     | - | -
        C3D-LSTM | 2017 | 0.8489 | -     | - | -
        USDL     | 2020 | 0.9066 | 0.654 | - | -
        MUSDL    | 2020 | 0.9158 | 0.609 | - | -
        CoRe*    | 2021 | 0.9223 | 0.466 | - | -
        H-GCN*   | 2023 | 0.9178 | 0.487 | - | -
        HP-MCoRe | 2024 | 0.9266 | 0.446 | - | -
    """,
    ("II", "mtl-aqa", "w/ DD"): """
        USDL     | 2020 | 0.9231 | 0.468 | - | -
        MUSDL    | 2020 | 0.9273 | 0.451 | - | -
        CoRe*    | 2021 | 0.9423 | 0.336 | - | -
        TSA-Net  | 2021 | 0.9422 | -     | - | -
        H-GCN*   | 2023 | 0.9463 | 0.311 | - | -
        HP-MCoRe | 2024 | 0.9432 | 0.351 | - | -
    """,
}

# ablation | as published | SRCC | R-l2 x 100 | AIoU@0.5 | AIoU@0.75
_ABLATED: dict[str, str] = {
    "III": """
        branches-dve     | DVE      | 0.8914 | 0.4784 | - | -
        branches-sve     | SVE      | 0.9173 | 0.3945 | - | -
        branches-hse     | HSE      | 0.6847 | 0.9871 | - | -
        branches-dve-hse | DVE+HSE  | 0.9271 | 0.3377 | - | -
        branches-dve-sve | DVE+SVE  | 0.9318 | 0.2914 | - | -
        full             | full     | 0.9365 | 0.2442 | - | -
    """,
    "IV": """
        skeleton-low     | lowest level        | 0.9316 | 0.2867 | - | -
        skeleton-middle  | middle level        | 0.9310 | 0.2891 | - | -
        skeleton-high    | highest level       | 0.9324 | 0.2814 | - | -
        skeleton-pair    | two levels          | 0.9334 | 0.2703 | - | -
        skeleton-no-edge | without EdgeConv    | 0.9337 | 0.2665 | - | -
        full             | all, with EdgeConv  | 0.9365 | 0.2442 | - | -
    """,
    "V": """
        stages-1       | 1 stage                     | 0.9247 | 0.3522 | - | -
        stages-2       | 2 stages, split at take-off | 0.9328 | 0.2884 | - | -
        stages-2-entry | 2* stages, split at entry   | 0.9316 | 0.2944 | - | -
        full           | 3 stages                    | 0.9365 | 0.2442 | - | -
    """,
    "VI": """
        segmenter-fc       | FC       | 0.9230 | 0.3178 | 88.17 | 71.51
        segmenter-tcn      | TCN      | 0.9136 | 0.3725 | 83.17 | 34.99
        segmenter-asformer | ASFormer | 0.9357 | 0.2672 | 99.13 | 89.71
        full               | Bi-GRU   | 0.9365 | 0.2442 | 99.46 | 97.18
    """,
    "VII": """
        steps-3  | 3 steps  | 0.9353 | 0.2469 | - | -
        full     | 5 steps  | 0.9365 | 0.2442 | - | -
        steps-8  | 8 steps  | 0.9330 | 0.2552 | - | -
        steps-10 | 10 steps | 0.9357 | 0.2455 | - | -
    """,
    "VIII": """
        contrast-infonce | InfoNCE     | 0.9142 | 0.3526 | - | -
        contrast-triplet | triplet     | 0.9302 | 0.2962 | - | -
        full             | stage-wise  | 0.9365 | 0.2442 | - | -
    """,
    "IX": """
        fusion-addition | addition          | 0.9341 | 0.2874 | - | -
        fusion-dot      | dot product       | 0.9226 | 0.3189 | - | -
        full            | weighted addition | 0.9365 | 0.2442 | - | -
    """,
}


def _cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def _figures(cells: list[str]) -> dict[str, Any]:
    names = ("srcc", "rl2x100", "aiou50", "aiou75")
    return {name: float(cell) for name, cell in zip(names, cells, strict=True) if cell != "-"}


COMPARED: tuple[PublishedRow, ...] = (
    *(
        PublishedRow(
            method=method,
            dataset=dataset,
            protocol=protocol,
            source=f"{PAPER}, Table {table}",
            year=int(year),
            **_figures(figures),
        )
        for (table, dataset, protocol), text in _COMPARED.items()
        for method, year, *figures in _cells(text)
    ),
    PublishedRow(
        method="HP-MCoRe, later version",
        dataset="finediving",
        protocol="w/ DN",
        source=_RELEASE,
        srcc=0.9383,
        rl2x100=0.269,
        aiou50=99.07,
        aiou75=97.96,
    ),
    PublishedRow(
        method="RICA2+",
        dataset="finediving",
        protocol="",
        source="Majeedi et al., RICA2, ECCV 2024",
        srcc=0.9421,
        rl2x100=0.260,
        year=2024,
    ),
    *(
        PublishedRow(
            method="Uni-FineParser",
            dataset=dataset,
            protocol="",
            source="Xu, Yin and Peng, TPAMI 2025, doi 10.1109/TPAMI.2025.3556935",
            srcc=srcc,
            rl2x100=rl2,
            year=2025,
        )
        for dataset, srcc, rl2 in _UNI_FINEPARSER
    ),
    *(
        PublishedRow(
            method=method,
            dataset="unlv-dive",
            protocol="",
            source=f"{source}; 300 films to train, 70 to test",
            srcc=float(srcc),
            year=int(year),
        )
        for method, year, srcc, source in _cells(_UNLV)
    ),
    PublishedRow(
        method="P3D features by SVR",
        dataset="unlv-dive",
        protocol="",
        source="features of github.com/YeTianJHU/diving-score (S3D, fine-tuned on the 300); RBF, C = 100, epsilon = 8; measured by "
        "those who put these data together",
        srcc=0.856,
        rl2x100=1.73,
    ),
)
"""Methods beside the paper's: Tables I and II, the release's picture and later work. `*`: run anew by the authors."""

ABLATIONS: dict[str, tuple[PublishedRow, ...]] = {
    table: tuple(
        PublishedRow(
            method=f"HP-MCoRe, {words}",
            dataset="finediving",
            protocol="w/ DN",
            source=f"{PAPER}, Table {table}",
            ablation=ablation,
            **_figures(figures),
        )
        for ablation, words, *figures in _cells(text)
    )
    for table, text in _ABLATED.items()
}
"""Tables III to IX of the paper, rows in its order."""


def published_on(dataset: str) -> tuple[PublishedRow, ...]:
    """Rows of a data set, each with its own protocol, which may be unnamed."""
    return tuple(row for row in COMPARED if row.dataset == dataset)
