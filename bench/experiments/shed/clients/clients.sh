#!/usr/bin/env bash
# What ten clients are worth, two of which have scrambled answers and one hands its adapter back as it came; and what the default budget
# tells of eight of them beside the exact values:
#
#   dotnet run -c Release bench/experiments/shed/clients/Prepare.cs -- TEST.jsonl OUT 0 1 2 3 4
#   bench/experiments/shed/clients/clients.sh MODEL OUT [SEEDS]
#   dotnet run -c Release bench/experiments/shed/clients/Summary.cs -- OUT
#
# Needs jq, and nativefl on the path. What is there already is not run again.
set -euo pipefail
model=$1 out=$2 seeds=${3:-0 1 2 3 4}
recipe=$(dirname "$0")/clients.json
task=(--template "$(jq -r .template "$recipe")" --max-length "$(jq -r .maxLength "$recipe")")

once() { # result, then the command that prints it
  [ -s "$1.json" ] || "${@:2}" --json > "$1.part"
  [ -s "$1.json" ] || mv "$1.part" "$1.json"
}

for seed in $seeds; do
  data=("$out/seed-$seed"/client-?.jsonl) run=$out/run-$seed
  mkdir -p "$run"

  # Ten clients. The last one is trained by hand, at a learning rate of 0: its adapter is the one that it was sent.
  once "$out/ten-$seed" nativefl federate --recipe "$recipe" --model "$model" --seed "$seed" --data "${data[@]}" \
    --value-data "$out/small.jsonl" --out "$run/ten" --force
  [ -d "$run/unchanged" ] || nativefl train --model "$model" --data "${data[@]}" "${task[@]}" --partition "$run/ten/partition.json" --client 9 --lr 0 --out "$run/unchanged" --quiet
  once "$out/values-$seed" nativefl refine clients --model "$model" --adapters "$run"/ten/round-01/client-0[0-8] "$run/unchanged" "${task[@]}" \
    --validation "$out/validation.jsonl" --game both --estimator first-order --out "$run/values" --force
done

# The first eight of them: the default budget, and all coalitions.
for seed in $seeds; do
  data=("$out/seed-$seed"/client-[0-7].jsonl) run=$out/run-$seed
  once "$out/eight-$seed" nativefl federate --recipe "$recipe" --model "$model" --seed "$seed" --data "${data[@]}" \
    --value-data "$out/small.jsonl" --out "$run/eight" --force
  once "$out/exact-$seed" nativefl refine clients --model "$model" --adapters "$run"/eight/round-01/client-0[0-7] "${task[@]}" \
    --validation "$out/small.jsonl" --game both --estimator exact --out "$run/exact" --force
done
