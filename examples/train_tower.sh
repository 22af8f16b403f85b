#!/usr/bin/env bash
# Makes the weights `tower` again from the films of UNLV-Dive: some two and a half hours on two slow cores. docs/training.md explains the steps.
#   [SEED=0] examples/train_tower.sh UNLV_DIVE MOBILENETV2 FOLDER [PROTOCOL...]     run it again to go on where it was stopped
# UNLV_DIVE holds films/, films.csv and unlv_dive.npz; MOBILENETV2 is any ImageNet file of the network (`weights import`).
# Run again in the same folder with another SEED, it trains with another order, other views and other dropout; its folds stand in the same
# table as those of seed 0, and weights/tower is written anew.
# Protocols named beside (sealed, athlete-disjoint, leave-one-contest-out) are trained and evaluated as well.
set -euo pipefail
# glibc gives large blocks back to the system after every step and pays for each page again: training takes a fifth less time without.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=67108864
seed=${SEED:-0} second=$((${SEED:-0} + 1))
films=$(realpath "$1") network=$(realpath "$2")
mkdir -p "$3" && cd "$3"
shift 3

run_of() {  # FOLD SEED: the folder of a run
  local name=${1//\//-}
  [ "$2" = 0 ] && echo "$name" || echo "$name-seed-$2"
}
train() {  # FOLD SEED: one run on one thread; runs of a fold begin with the same random weights
  local fold=$1 seed=$2 name=${1//\//-} run
  run=$(run_of "$1" "$2")
  if [ -e "$run/config.yaml" ]; then stagescore train --resume "$run" --quiet
  else
    stagescore train tower data.folder=dives data.clips="clips/$name" data.fold="$fold" data.sealed=true run.seed="$seed" run.weights_seed=0 \
      data.flights="events/$name-with-sealed/flights.json" start.static=weights/mobilenetv2-imagenet.safetensors --out "$run" --quiet
  fi
}
folds() {  # PROTOCOL: the runs of its folds
  case $1 in
    all) echo all ;;
    sealed) echo sealed/sealed ;;
    leave-one-contest-out) printf "$1/%s\n" heats semi-final final ;;
    *) printf "$1/%s\n" 0 1 2 3 4 ;;
  esac
}

[ -e dives/manifest.jsonl ] || stagescore data import unlv-dive --annotations "$films" --out dives --quiet
stagescore data prepare dives --quiet
[ -e weights/mobilenetv2-imagenet.safetensors ] ||
  stagescore weights import "$network" --as mobilenetv2 --out weights

# Where take-off and water contact are: a small network a fold, and one for the weights that ship.
[ -e simulated/manifest.jsonl ] || stagescore simulate simulated --dives 200 --seed 77 --size 320x180 --resume --quiet
for protocol in all "$@" five-fold; do
  stagescore train-events dives --imagenet weights/mobilenetv2-imagenet.safetensors --simulated simulated --sealed \
    --protocol "$protocol" --out events --trained-on "300 films of London 2012, men's 10 m, and 200 simulated dives" --quiet
done

# One run on the films of the other folds for each fold, and two on all films, whose mean ships; two at a time.
export -f train run_of
{ for protocol in "$@" five-fold; do folds "$protocol" | sed "s/$/ $seed/"; done; echo "all $seed"; echo "all $second"; } |
  xargs -n 2 -P 2 bash -euo pipefail -c 'train "$1" "$2"' fold
mean=$(run_of all-mean "$seed")
if [ -e "$mean/config.yaml" ]; then stagescore train --resume "$mean" --quiet
else stagescore average "$(run_of all "$seed")" "$(run_of all "$second")" --out "$mean" --quiet; fi

for protocol in "$@" five-fold; do
  runs=(); for fold in $(folds "$protocol"); do runs+=("$(run_of "$fold" "$seed")"); done
  stagescore evaluate-folds "${runs[@]}" --mirrored --keep "kept/$protocol" --out "table/$(run_of "$protocol" "$seed")" --quiet
done

# How sure the weights that ship may be is known from the folds, whose single runs err a little more than the mean of two.
kept=()
for fold in kept/five-fold/*-seed-"$seed"-*.json; do kept+=(--folds "$fold"); done
stagescore weights pack "$mean" --name tower --out weights --per-number 10 --half \
  "${kept[@]}" --blend-with-prior --validated --mirrored --without-pictures \
  --trained-on "300 films of London 2012, men's 10 m (the published training split of UNLV-Dive); the mean of two runs" \
  --shown-on "broadcast films of single dives from 10 m, men, one pool (London 2012)" \
  --command "examples/train_tower.sh UNLV_DIVE MOBILENETV2 FOLDER" \
  --limit "one pool, one event, one year: what is learned here is not known to hold elsewhere" \
  --limit "the films have no stated licence; the weights hold no picture of them" \
  --limit "takes about one dive number in ten for another: give it where you know it"
cp events/all-with-sealed/events.safetensors weights/
