#!/usr/bin/env bash
# Makes the pose networks that ship again: about an hour on two slow cores, after examples/train_nano.sh has simulated
# its dives in the same folder.
#   examples/train_pose.sh FOLDER        run it again to go on where it was stopped
set -euo pipefail
cd "$1"

train() {  # PRESET NAME OVERRIDES
  local preset=$1 name=$2; shift 2
  if [ -e "$name/config.yaml" ]; then stagescore pose train --resume "$name" --quiet
  else stagescore pose train "$preset" folder=dives run.threads=1 "$@" --out "$name" --quiet; fi
}

train pose-small pose &
train diver-detector detector &
wait
stagescore pose evaluate pose/pose-small.safetensors --data test --note
stagescore pose evaluate detector/diver-detector.safetensors --data test --note
