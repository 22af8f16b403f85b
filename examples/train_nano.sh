#!/usr/bin/env bash
# Makes the weights `nano` again: about four hours on two slow cores, 20 GB of disk. docs/training.md explains the steps.
#   examples/train_nano.sh FOLDER        an empty folder; run it again to go on where it was stopped
set -euo pipefail
mkdir -p "$1" && cd "$1"

pretrain() {  # NAME EPOCHS OVERRIDES: one branch on one thread, beside the others
  local name=$1 epochs=$2; shift 2
  if [ -e "$name/config.yaml" ]; then stagescore pretrain --resume "$name" --quiet
  else
    stagescore pretrain nano-pretrain data.folder=dives data.clips=clips run.threads=1 model.stand_ins=false \
      run.epochs="$epochs" "$@" --out "$name" --quiet
  fi
}
drill() {  # NAME EPOCHS OVERRIDES: the same branch goes on with drills beside the dives
  local name=$1 epochs=$2; shift 2
  pretrain "$name-drilled" "$epochs" start="$name" data.drills=drills optimiser.learning_rate=1.0e-3 "$@"
}
train() {  # PRESET NAME OVERRIDES
  local preset=$1 name=$2; shift 2
  if [ -e "$name/config.yaml" ]; then stagescore train --resume "$name" --quiet
  else stagescore train "$preset" data.folder=dives data.clips=clips "$@" --out "$name" --quiet; fi
}

stagescore simulate dives --dives 1500 --seed 11 --size 256x144 --test-share 0.02 --resume
stagescore simulate drills --drills --dives 1800 --seed 13 --size 256x144 --resume
stagescore simulate test --dives 320 --seed 12 --size 256x144 --resume

only_static="model.dynamic.on=false model.skeleton.on=false"
only_dynamic="model.static.on=false model.skeleton.on=false"
only_skeleton="model.static.on=false model.dynamic.on=false"
# The first one of each round decodes the clips.
pretrain skeleton 12 $only_skeleton
pretrain static 20 $only_static &
pretrain dynamic 13 $only_dynamic &
wait
drill skeleton 4 $only_skeleton
drill static 7 $only_static &
drill dynamic 5 $only_dynamic &
wait

start=start.model=static-drilled,dynamic-drilled,skeleton-drilled
stagescore data features nano data.folder=dives data.drills=drills data.clips=clips $start --out features
both_modalities="modality_dropout.video=0 modality_dropout.skeleton=0"
# The static branch alone, then everything, then everything on competitions only, then what stands in for a missing video.
train nano static-alone $only_static $both_modalities model.stand_ins=false start.model=static-drilled \
  data.drills=drills features=features run.threads=1 run.epochs=12 run.validate_epochs=2
train nano everything $both_modalities $start start.static_branch=static-alone/best-val_srcc.ckpt \
  data.drills=drills features=features run.threads=1 run.epochs=8 run.validate_epochs=1
train nano competitions $both_modalities start.model=everything features=features run.threads=1 \
  run.epochs=6 run.validate_epochs=1 optimiser.learning_rate=2.0e-4 optimiser.warmup_steps=20
train nano heads modality_dropout.video=0.4 modality_dropout.skeleton=0 start.model=competitions/best-val_srcc.ckpt \
  features=features run.threads=1 run.epochs=3 run.validate_epochs=3 \
  "optimiser.groups=[{path: segmentation, factor: 0}, {path: fusion, factor: 0}, {path: regression, factor: 0}]"
stagescore weights pack heads --name nano --out weights --test-data test \
  --trained-on "1,500 simulated dives (seed 11) and 1,800 drills (seed 13)" --command "examples/train_nano.sh FOLDER" \
  --limit "trained on simulated dives only: no score of a real dive can be relied on" \
  --limit "single dives from 3 m and 10 m; no synchronised diving"
stagescore evaluate weights/nano.safetensors --data test --split all --out evaluation
