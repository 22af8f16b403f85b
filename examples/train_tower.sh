#!/usr/bin/env bash
# Makes the weights `tower` again from the films of UNLV-Dive: some two hours on two slow cores. docs/training.md explains the steps.
#   examples/train_tower.sh UNLV_DIVE MOBILENETV2 FOLDER     run it again to go on where it was stopped
# UNLV_DIVE holds films/, films.csv and unlv_dive.npz; MOBILENETV2 is any ImageNet file of the network (`weights import`).
set -euo pipefail
films=$(realpath "$1") network=$(realpath "$2")
mkdir -p "$3" && cd "$3"

train() {  # NAME FOLD: one run on one thread
  local name=$1 fold=$2 events=${2//\//-}
  if [ -e "$name/config.yaml" ]; then stagescore train --resume "$name" --quiet
  else
    stagescore train tower data.folder=dives data.clips="clips/$events" data.fold="$fold" \
      data.flights="events/$events/flights.json" start.static=weights/mobilenetv2-imagenet.safetensors --out "$name" --quiet
  fi
}
all_done() {  # waits for what runs in the background, and stops where one of them failed
  local job
  for job in $(jobs -p); do wait "$job"; done
}

[ -e dives/manifest.jsonl ] || stagescore data import unlv-dive --annotations "$films" --out dives --quiet
stagescore data prepare dives --quiet
[ -e weights/mobilenetv2-imagenet.safetensors ] ||
  stagescore weights import "$network" --as mobilenetv2 --out weights

# Where take-off and water contact are: a small network a fold, and one for the weights that ship.
[ -e simulated/manifest.jsonl ] || stagescore simulate simulated --dives 200 --seed 77 --size 320x180 --resume --quiet
events() {
  stagescore train-events dives --imagenet weights/mobilenetv2-imagenet.safetensors --simulated simulated \
    --protocol "$1" --out events --trained-on "300 films of London 2012, men's 10 m, and 200 simulated dives" --quiet
}
events five-fold
events all

# Every fold of the dives that are not sealed, two at a time: what the weights may say of themselves.
{ train fold-0 five-fold/0; train fold-2 five-fold/2; train fold-4 five-fold/4; } &
{ train fold-1 five-fold/1; train fold-3 five-fold/3; train everything all; } &
all_done
stagescore evaluate-folds fold-0 fold-1 fold-2 fold-3 fold-4 --mirrored --keep kept --out out-of-fold --quiet

# The weights that ship are trained on all films; how sure they may be is known from the folds.
kept=()
for fold in kept/*.json; do kept+=(--folds "$fold"); done
stagescore weights pack everything --name tower --out weights --per-number 10 --half \
  "${kept[@]}" --blend-with-prior --validated --mirrored --without-pictures \
  --trained-on "300 films of London 2012, men's 10 m (the published training split of UNLV-Dive)" \
  --shown-on "broadcast films of single dives from 10 m, men, one pool (London 2012)" \
  --command "examples/train_tower.sh UNLV_DIVE MOBILENETV2 FOLDER" \
  --limit "one pool, one event, one year: what is learned here is not known to hold elsewhere" \
  --limit "the films have no stated licence; the weights hold no picture of them" \
  --limit "takes about one dive number in eight for another: give it where you know it"
cp events/all/events.safetensors weights/
