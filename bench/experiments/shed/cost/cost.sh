#!/usr/bin/env bash
# v of all 1,023 coalitions of ten players, from which every estimator can be replayed for nothing:
#
#   bench/experiments/shed/cost/cost.sh MODEL TEST.jsonl OUT [SEED]
#   dotnet run -c Release bench/experiments/shed/cost/Cost.cs -- OUT/table-0
#
# Needs jq, and nativefl on the path. What is measured already is not measured again: stop it at any time and start it anew.
set -euo pipefail
model=$1 test=$2 out=$3 seed=${4:-0}
template='<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>'
mkdir -p "$out"
first=$((1 + 40 * seed))
# Every third record is spoilt: the words of its answer in alphabetical order.
sed -n "${first},$((first + 39))p" "$test" |
  jq -c 'if input_line_number % 3 == 0 then .answer |= (gsub("\n"; " ") | split(" ") | sort | join(" ")) else . end' > "$out/pool-$seed.jsonl"
sed -n '1001,1024p' "$test" > "$out/validation.jsonl"
nativefl refine value --model "$model" --data "$out/pool-$seed.jsonl" --validation "$out/validation.jsonl" --template "$template" \
  --estimator exact --groups 10 --rank 8 --lr 2e-3 --batch-size 4 --epochs 1 --seed "$seed" --out "$out/table-$seed" "${@:5}"
