#!/usr/bin/env bash
# Ten clients, five of which lack four of the sixteen sublayers, against the ways around it, over five seeds:
#
#   bench/experiments/llm-drop/federated.sh MODEL TRAIN.jsonl TEST.jsonl OUT [SEEDS]
#   dotnet run -c Release bench/experiments/llm-drop/Federated.cs -- OUT
#
# Needs jq, and nativefl on the path. A seed has records of its own: the next 10 x 24 of TRAIN.jsonl. OUT gets ARM-SEED.json; what is
# there already is not run again.
set -euo pipefail
model=$1 train=$2 test=$3 out=$4 seeds=${5:-0 1 2 3 4}
recipe=$(dirname "$0")/federated.json
records=24
template=$(jq -r .template "$recipe")
task=(--template "$template" --prompt-field "$(jq -r .promptField "$recipe")" --answer-field "$(jq -r .answerField "$recipe")")
mkdir -p "$out"
head -n 128 "$test" > "$out/calibration.jsonl"
sed -n 661,760p "$test" > "$out/evaluation.jsonl"

# One choice for every weak client: both kinds in one ranking, by similarity, a quarter of the sixteen.
[ -d "$out/shallow" ] || nativefl drop --model "$model" --granularity joint --count 4 --data "$out/calibration.jsonl" --template "$template" --out "$out/shallow"
drops() { # the clients from $1 to 9
  jq --argjson first "$1" '{drop_attn_list, drop_mlp_list} as $lists | [range($first; 10) | {key: tostring, value: $lists}] | from_entries' "$out/shallow/drop.json"
}
[ -s "$out/half.json" ] || drops 5 > "$out/half.json"
[ -s "$out/all.json" ] || drops 0 > "$out/all.json"

measure() { # result, model
  [ -s "$out/$1.json" ] || nativefl eval --model "$2" --data "$out/evaluation.jsonl" "${task[@]}" --json > "$out/$1.part"
  [ -s "$out/$1.json" ] || mv "$out/$1.part" "$out/$1.json"
}

arm() { # name, seed, then flags
  local result="$out/$1-$2"
  [ -s "$result.json" ] || nativefl federate --recipe "$recipe" --model "$model" --seed "$2" --eval-data "$out/evaluation.jsonl" \
    --out "$out/run-$2/$1" --force --json "${@:3}" > "$result.part"
  [ -s "$result.json" ] || mv "$result.part" "$result.json"
}

measure shallow "$out/shallow"
for seed in $seeds; do
  mkdir -p "$out/run-$seed"
  sed -n "$((seed * 10 * records + 1)),$(((seed + 1) * 10 * records))p" "$train" | split -l "$records" -d -a 1 --additional-suffix .jsonl - "$out/run-$seed/client-"
  all=("$out/run-$seed"/client-[0-9].jsonl) strong=("$out/run-$seed"/client-[0-4].jsonl)
  arm unequal-module "$seed" --data "${all[@]}" --client-drops "$out/half.json" --renormalize module
  arm unequal-none "$seed" --data "${all[@]}" --client-drops "$out/half.json" --renormalize none
  arm strong-only "$seed" --data "${strong[@]}"
  arm lowest "$seed" --data "${all[@]}" --client-drops "$out/all.json"
  arm whole "$seed" --data "${all[@]}"

  # The same training, and the model as shallow as its clients.
  result="$out/run-$seed/lowest/model"
  jq -s '.[0] + (.[1] | {drop_attn_list, drop_mlp_list})' "$result/config.json" "$out/shallow/drop.json" > "$result/config.part"
  mv "$result/config.part" "$result/config.json"
  measure "lowest-shallow-$seed" "$result"
done
