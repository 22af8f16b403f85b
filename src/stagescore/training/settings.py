"""Settings of a training run: one YAML file, or a preset, with `a.b=c` overrides."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from stagescore.config import Config
from stagescore.data.decoded_clip import Joints
from stagescore.data.exemplars import Protocol
from stagescore.data.preprocessing import Augmentation, Preprocessing
from stagescore.losses.contrast import Normalisation
from stagescore.models.needs import Needs
from stagescore.models.settings import ModelSettings, default_settings
from stagescore.training.groups import Pairing


class DataSettings(Config):
    """What is trained on.

    Attributes:
        folder: Folder of a manifest, as `data import` or `simulate` writes it; given on the command line as a rule.
        fault_augmented: Folder of more dives that are fitted to and nothing else: none of them validates, tests or becomes an
            exemplar (`simulate --fault-augmented`).
        fold: Fold as `PROTOCOL/NAME` of `data.protocols`, such as `athlete-disjoint/2`: its dives are tested on and all
            others trained on, whatever the manifest says; `all` trains on the validation dives as well; None for the
            manifest's own split.
        sealed: Whether the sealed athletes take part in the fold; they are out of every fold unless the protocol is
            `sealed` itself.
        flights: JSON file of flights by dive (`train-events`) that take the place of those in the manifest; None for
            these.
        clips: Folder of decoded clips; beside the run by default.
        preprocessing: How frames are chosen, resized and cropped.
        augmentation: What changes from view to view in training.
        views: Number of different views of a dive; None for new ones every epoch. Cached features need a number.
        joints: Joints that are read: `estimated`, or `exact` where the truth is known, as of simulated dives.
        target: What is predicted: `score`, or `execution` (score / difficulty) for the protocol w/ DD.
        individual_only: Whether synchronised dives are left out.
        skip: What becomes of dives whose films or joints cannot be used (missing, damaged, too short, black, nobody seen):
            `report` leaves them out and lists them in `skipped.csv` of the run, `fail` refuses to start and names all.
        workers: Number of processes that decode clips.
    """

    renamed: ClassVar[Mapping[str, str]] = {"drills": "fault_augmented"}

    folder: str = ""
    fault_augmented: str | None = None
    fold: str | None = None
    sealed: bool = False
    flights: str | None = None
    clips: str | None = None
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    views: int | None = Field(default=None, ge=1)
    joints: Joints = "estimated"
    target: Literal["score", "execution"] = "score"
    individual_only: bool = False
    skip: Literal["report", "fail"] = "report"
    # Set by hand, for a machine with two cores.
    workers: int = Field(default=2, ge=1)


class BatchSettings(Config):
    """Which dives meet (`training.groups`).

    Attributes:
        pairing: Pairs that are compared: `all` of a group (ours), or with `one-partner` each query with one exemplar
            (published). A model that compares nothing has every dive by itself (`none`), whatever is set.
        group_size: Number of dives in a group; of no effect with `one-partner`.
        groups: Number of groups in a batch; 8 with `one-partner` is the published batch. Without pairing it is the
            number of dives in a batch.
        protocol: Label that dives of a group share: `w/ DN` the dive number, `w/o DN` none, `w/ DD` the difficulty.
    """

    pairing: Pairing = "all"
    # 16 encodings, as many as the 8 published pairs need, give 24 pairs (compared in docs/log.md, 26 November).
    group_size: int = Field(default=4, ge=2)
    groups: int = Field(default=4, ge=1)
    protocol: Protocol = "w/ DN"


class LossWeights(Config):
    """Weights of the terms; those of terms that a model does not have are left out.

    Attributes:
        score: Weight of the squared error of the differences of score.
        segmentation: Weight of the cross entropy of the transitions.
        contrast_fused: Weight of the contrast of stages in the fused features.
        contrast_static: Weight of the contrast of stages in the static features.
        number: Weight of the cross entropy of the dive number, in models that recognise it.
        leaf: Weight of the leaf of a regression tree (CoRe).
        place: Weight of the place in that leaf (CoRe).
        distribution: Weight of the predicted distribution of the score (USDL).
    """

    # The paper adds its terms unweighted (eq. 23).
    score: float = Field(default=1.0, ge=0)
    segmentation: float = Field(default=1.0, ge=0)
    contrast_fused: float = Field(default=1.0, ge=0)
    contrast_static: float = Field(default=1.0, ge=0)
    # Set by hand: the published models do not learn the dive number.
    number: float = Field(default=0.1, ge=0)
    # CoRe adds its two terms unweighted, and USDL has one.
    leaf: float = Field(default=1.0, ge=0)
    place: float = Field(default=1.0, ge=0)
    distribution: float = Field(default=1.0, ge=0)


class ObjectiveSettings(Config):
    """The objective (paper, eq. 23; Table VIII).

    Attributes:
        weights: Weights of the terms of the loss.
        contrast: Contrast of stages: `stage` (paper), `info-nce` or `triplet`.
        temperature: Temperature of the contrasts `stage` and `info-nce`.
        margin: Margin of the triplet loss, in cosine distance.
        normalisation: How stage vectors are normalised (h of eq. 12): `l2` or `layer`.
        smoothing_frames: Standard deviation of the spread of labelled transitions, in frames; 0 for none, as published.
    """

    weights: LossWeights = LossWeights()
    contrast: Literal["stage", "info-nce", "triplet"] = "stage"
    # Paper, section III-E; the release has 0.1.
    temperature: float = Field(default=0.5, gt=0)
    # Set by hand: the paper names no margin.
    margin: float = Field(default=0.3, ge=0)
    normalisation: Normalisation = "l2"
    smoothing_frames: float = Field(default=0.0, ge=0)


class GroupSettings(Config):
    """Parameters below a module path and the factor of their learning rate; 0 freezes them.

    Attributes:
        path: Module path, such as `encoders.static.backbone`; the empty path is all parameters that no other group
            names.
        factor: Factor of the learning rate; 0 freezes the parameters.
    """

    path: str
    factor: float = Field(ge=0)


class OptimiserSettings(Config):
    """Adam (paper, section V-A).

    Attributes:
        learning_rate: Learning rate of everything that no group names.
        weight_decay: Weight decay of all parameters.
        groups: Groups of parameters with another learning rate.
        warmup_steps: Number of steps over which the learning rate rises from 0.
        cosine_epochs: Number of epochs over which the learning rate falls to 0; None for the whole training, 0 for a
            constant rate.
        restart_cosine: Whether the learning rate rises and falls again after `cosine_epochs`, as the release's
            scheduler does.
        average_from: Epoch, counted from 0, from which the weights of all steps are averaged; their mean is what the
            run ends with (Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI
            2018; there once an epoch). None for the weights of the last step.
        clip_norm: Largest norm of the gradient; None for no limit.
    """

    # The release's; the paper's is lost in its text. No weight decay: paper, section V-A.
    learning_rate: float = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    groups: tuple[GroupSettings, ...] = ()
    warmup_steps: int = Field(default=0, ge=0)
    cosine_epochs: int | None = Field(default=None, ge=0)
    restart_cosine: bool = False
    average_from: int | None = Field(default=None, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)

    @property
    def factors(self) -> dict[str, float]:
        """Factors of the learning rate by module path."""
        return {group.path: group.factor for group in self.groups}


class ModalityDropout(Config):
    """How often a dive loses a modality in training; never both. 0 in `paper` and `release`.

    Nothing is dropped in models that see one modality alone.

    Attributes:
        video: Probability with which a dive loses its video.
        skeleton: Probability with which a dive loses its skeleton.
    """

    video: float = Field(default=0.0, ge=0, lt=0.5)
    skeleton: float = Field(default=0.0, ge=0, lt=0.5)


class ImportSettings(Config):
    """Weights to start from, by path or name (`weights.named`); None for random ones.

    Attributes:
        dynamic: Kinetics weights of I3D, in either public spelling; or ImageNet weights of an image network as trunk.
        static: ImageNet weights of the static backbone, such as `mobilenetv2`.
        model: Weights of ours: names (`nano`), safetensors, runs or checkpoints of the same model or of some of its
            encoders, separated by commas where several are joined. A model that recognises dive numbers may start from one that does not:
            the head for them is then new.
        static_branch: Run or file of a model that has been trained with the static branch alone, whose regression is
            taken over: the whole then begins where the branch ends.
        fused_branch: Run or file of a model that has been trained without the static branch, whose fusion, segmentation
            and regression are taken over.
    """

    dynamic: str | None = None
    static: str | None = None
    model: str | None = None
    static_branch: str | None = None
    fused_branch: str | None = None


class RunSettings(Config):
    """How long, how exact, how often.

    Attributes:
        epochs: Number of epochs, in each of which every dive is seen once.
        seed: Seed of weights, order, views and masks.
        weights_seed: Seed of the random weights alone; None for `seed`. Runs that share it and differ in `seed` can be
            averaged.
        averaged_seeds: Seeds of the runs whose mean this run is (`stagescore average`); empty for a run that was
            trained itself.
        precision: Type of the numbers of the forward pass: `float32`, or `float16`/`bfloat16` for mixed precision on
            CUDA.
        checkpoint_steps: Number of optimiser steps between checkpoints.
        keep: Number of checkpoints to keep.
        number_epochs: Number of passes over the training dives after all else is trained, in which the head for dive
            numbers is learned anew from what the finished backbone says of them; 0 for none.
        validate_epochs: Number of epochs between validations; 0 for none.
        validate_test: Whether the test split is looked at as well, for the column "best on test (paper protocol)".
        votes: Number of exemplars that vote in validation.
        threads: Number of processor threads; None for all.
        device: Device: `auto` for CUDA where there is any, or as PyTorch names it.
    """

    # Paper, section V-A.
    epochs: int = Field(default=200, ge=1)
    seed: int = 0
    weights_seed: int | None = None
    averaged_seeds: tuple[int, ...] = ()
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    # Set by hand. Two, since the older one is used where the newer one is torn.
    checkpoint_steps: int = Field(default=200, ge=1)
    keep: int = Field(default=2, ge=1)
    number_epochs: int = Field(default=0, ge=0)
    validate_epochs: int = Field(default=1, ge=0)
    validate_test: bool = False
    # Paper, section V-A.
    votes: int = Field(default=10, ge=1)
    threads: int | None = Field(default=None, ge=1)
    device: str = "auto"

    @property
    def begins_with(self) -> int:
        """Seed that the random weights come from."""
        return self.seed if self.weights_seed is None else self.weights_seed


class TrainSettings(Config):
    """Everything about a run.

    Attributes:
        model: Settings of the model that is trained.
        data: Settings of the dives that the model is trained on.
        batches: Settings of the dives that meet in a batch.
        objective: Settings of the loss.
        optimiser: Settings of the optimiser and of its learning rate.
        modality_dropout: How often dives lose a modality in training.
        start: Weights that the run starts from.
        run: Settings of the run: its length, seeds, precision, device, checkpoints and validation.
        features: Folder of cached features of the frozen encoders; None to run them live.
    """

    model: ModelSettings = Field(default_factory=default_settings)
    data: DataSettings = DataSettings()
    batches: BatchSettings = BatchSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    modality_dropout: ModalityDropout = ModalityDropout()
    start: ImportSettings = ImportSettings()
    run: RunSettings = RunSettings()
    features: str | None = None

    @property
    def effective_batches(self) -> BatchSettings:
        """The groups that come into effect: every dive by itself for a model that compares nothing."""
        return self.batches if self.model.compares else self.batches.model_copy(update={"pairing": "none"})

    @property
    def needs(self) -> Needs:
        """What data must have for this run: what the model needs, and difficulties where execution is predicted."""
        needs = self.model.needs
        return needs.with_training("difficulty") if self.data.target == "execution" else needs

    @property
    def drops(self) -> ModalityDropout:
        """The modality dropout that comes into effect."""
        return self.modality_dropout if self.model.can_miss else ModalityDropout()

    @model_validator(mode="after")
    def _can_compare(self) -> "TrainSettings":
        if self.model.compares and self.batches.pairing == "none":
            raise ValueError(
                "batches.pairing=none leaves every dive by itself, and the model learns from pairs; set it to all or one-partner"
            )
        return self

    @model_validator(mode="after")
    def _can_do_without(self) -> "TrainSettings":
        if self.drops.video and "video" not in self.model.can_miss:
            raise ValueError(
                "modality_dropout.video takes videos away, and the model learns nothing to read instead; "
                "set model.stand_ins=true or modality_dropout.video=0"
            )
        return self


class PretrainingWeights(Config):
    """Weights of what is asked of a frame (`pretraining.TERMS`).

    Attributes:
        stage: Weight of the labelled stage.
        phase: Weight of the physical phase.
        clock: Weight of the frames since take-off and since water contact.
        splash: Weight of the area of spray and foam.
        pose: Weight of the places of the joints from the pelvis.
        angles: Weight of the angles of the body in space.
        deductions: Weight of the deductions for each fault that shows.
    """

    # Set by hand: docs/log.md compares no weights.
    stage: float = Field(default=0.5, ge=0)
    phase: float = Field(default=0.5, ge=0)
    clock: float = Field(default=1.0, ge=0)
    splash: float = Field(default=2.0, ge=0)
    pose: float = Field(default=4.0, ge=0)
    angles: float = Field(default=4.0, ge=0)
    deductions: float = Field(default=1.0, ge=0)


class PretrainSettings(Config):
    """Pretraining of encoders on simulated dives.

    Attributes:
        model: Settings of the model whose encoders are trained; its other parts are ignored.
        data: Settings of the data, a folder of simulated dives.
        weights: Weights of the terms of the loss.
        optimiser: Settings of the optimiser and of its learning rate.
        run: Settings of the run: its length, seeds, precision, device and checkpoints.
        dives_at_once: Number of dives in a batch.
        stills: Number of frames per dive that the static encoder looks at.
        window: Number of frames per dive that the dynamic encoder looks at.
        start: Weights of an earlier pretraining, or others of ours, to go on from; None to begin with random weights.
    """

    model: ModelSettings = Field(default_factory=default_settings)
    data: DataSettings = DataSettings()
    weights: PretrainingWeights = PretrainingWeights()
    optimiser: OptimiserSettings = OptimiserSettings()
    run: RunSettings = RunSettings()
    # All three are set by hand; a window of 36 frames holds three clips of 16, one every ten frames.
    dives_at_once: int = Field(default=16, ge=1)
    stills: int = Field(default=24, ge=1)
    window: int = Field(default=36, ge=16)
    start: str | None = None
