#!/usr/bin/env bash
# Makes the weights `nano` again: some three and a half hours on two slow cores, 20 GB of disk. docs/training.md explains the steps.
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
with_faults() {  # NAME START EPOCHS RATE OVERRIDES: a branch goes on from START with fault-augmented dives beside the dives
  local name=$1 start=$2 epochs=$3 rate=$4; shift 4
  pretrain "$name" "$epochs" start="$start" data.fault_augmented=augmented optimiser.learning_rate="$rate" "$@"
}
train() {  # NAME OVERRIDES
  local name=$1; shift
  if [ -e "$name/config.yaml" ]; then stagescore train --resume "$name" --quiet
  else stagescore train nano data.folder=dives data.clips=clips features=features run.threads=1 "$@" --out "$name" --quiet; fi
}
all_done() {  # waits for what runs in the background, and stops where one of them failed
  local job
  for job in $(jobs -p); do wait "$job"; done
}

stagescore simulate dives --dives 1500 --seed 11 --size 256x144 --test-share 0.02 --resume
stagescore simulate augmented --fault-augmented --dives 1800 --seed 13 --size 256x144 --resume
stagescore simulate test --dives 320 --seed 12 --size 256x144 --resume

# The encoders, each by itself. The first ones to see both kinds of dives decode their clips.
only_static="model.dynamic.on=false model.skeleton.on=false"
only_dynamic="model.static.on=false model.skeleton.on=false"
only_skeleton="model.static.on=false model.dynamic.on=false"
pretrain skeleton 12 $only_skeleton
with_faults skeleton-4 skeleton 4 1.0e-3 $only_skeleton
{ with_faults skeleton-20 skeleton-4 16 2.0e-3 $only_skeleton; with_faults skeleton-50 skeleton-20 30 2.0e-3 $only_skeleton; } &
{ pretrain static 20 $only_static; with_faults static-7 static 7 1.0e-3 $only_static; } &
{ pretrain dynamic 13 $only_dynamic; with_faults dynamic-5 dynamic 5 1.0e-3 $only_dynamic; } &
all_done

start=start.model=static-7,dynamic-5,skeleton-50
stagescore data features nano data.folder=dives data.fault_augmented=augmented data.clips=clips $start --out features

# Both branches of the regression, each by itself: first with fault-augmented dives, then on competitions only.
alone="model.stand_ins=false modality_dropout.video=0 modality_dropout.skeleton=0"
competitions="run.epochs=6 run.validate_epochs=1 optimiser.learning_rate=2.0e-4 optimiser.warmup_steps=20"
{ train static-heads $only_static $alone start.model=static-7 data.fault_augmented=augmented run.epochs=12 run.validate_epochs=2
  train static-branch $only_static $alone start.model=static-heads/best-val_srcc.ckpt $competitions; } &
{ train fused-heads model.static.on=false $alone start.model=dynamic-5,skeleton-50 data.fault_augmented=augmented run.epochs=10 run.validate_epochs=2
  train fused-branch model.static.on=false $alone start.model=fused-heads/best-val_srcc.ckpt $competitions; } &
all_done

# Their mean, and what stands in for a missing video; nothing else moves any more.
train both $start start.static_branch=static-branch/best-val_srcc.ckpt start.fused_branch=fused-branch/best-val_srcc.ckpt \
  modality_dropout.video=0.4 modality_dropout.skeleton=0 run.epochs=3 run.validate_epochs=3 \
  "optimiser.groups=[{path: segmentation, factor: 0}, {path: fusion, factor: 0}, {path: regression, factor: 0}]"
stagescore weights pack both --name nano --out weights --test-data test --spare augmented \
  --trained-on "1,500 simulated dives (seed 11) and 1,800 fault-augmented ones (seed 13)" --command "examples/train_nano.sh FOLDER" \
  --limit "trained on simulated dives only: no score of a real dive can be relied on" \
  --limit "single dives from 3 m and 10 m; no synchronised diving"
stagescore evaluate weights/nano.safetensors --data test --split all --out evaluation
