#!/usr/bin/env bash
# What a linear patch, a LoRA fine-tune and both win back of the loss, with 2 and with 4 of 8 attention layers dropped:
#
#   bench/experiments/llm-drop/recovery.sh MODEL TRAIN.jsonl TEST.jsonl OUT
#   dotnet run -c Release bench/experiments/llm-drop/Recovery.cs -- OUT
#
# Needs jq, and nativefl on the path. OUT gets MODEL-STAGE.json; what is there already is not run again.
set -euo pipefail
model=$1 train=$2 test=$3 out=$4
template='<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>'
mkdir -p "$out"
head -n 128 "$test" > "$out/calibration.jsonl"
head -n 660 "$test" > "$out/patch.jsonl"
sed -n 661,910p "$test" > "$out/evaluation.jsonl"

loss() { # result, then flags
  [ -s "$out/$1.json" ] || nativefl eval --data "$out/evaluation.jsonl" --template "$template" --json "${@:2}" > "$out/$1.part"
  [ -s "$out/$1.json" ] || mv "$out/$1.part" "$out/$1.json"
}

heal() { # name, model
  for seed in 0 1 2; do
    [ -d "$out/$1-lora-$seed" ] || nativefl train --model "$2" --data "$train" --template "$template" --rank 16 --lr 1e-3 --schedule linear \
      --steps 100 --batch-size 8 --max-length 512 --seed "$seed" --out "$out/$1-lora-$seed"
    loss "$1-healed-$seed" --model "$2" --adapter "$out/$1-lora-$seed"
  done
}

loss whole --model "$model"
heal whole "$model"
# Of two, greedy takes the same two.
for name in similarity-2 similarity-4 greedy-4; do
  flags=(--model "$model" --granularity attention --method "${name%-*}" --count "${name#*-}" --data "$out/calibration.jsonl" --template "$template")
  [ -d "$out/$name" ] || nativefl drop "${flags[@]}" --out "$out/$name"
  loss "$name" --model "$out/$name"
  heal "$name" "$out/$name"
  [ -d "$out/$name-patch" ] || nativefl drop "${flags[@]}" --patch linear --patch-data "$out/patch.jsonl" --out "$out/$name-patch"
  loss "$name-patch" --model "$out/$name-patch"
  heal "$name-patch" "$out/$name-patch"
done
