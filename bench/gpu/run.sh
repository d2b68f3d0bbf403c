#!/usr/bin/env bash
# Tests NativeFl on the GPU of this machine and measures it beside its peers, from an archive of pack.sh: no .NET, no network.
#
#   run.sh --archive nativefl-gpu.tar.xz [--out DIR] [--budget SECONDS] [--stages "a b c"] [--libraries DIR] [--dry-run | --tiny]
#
# Stages run in the order of importance, each with its own limit of time, until the budget is spent; what did not fit is named, so that a
# second call with --stages can go on. Everything comes to lie in DIR: results.jsonl (one line a figure), environment.json, gate.md (whether
# the training steps are the peer's), summary.txt, logs.tar.gz. The exit code is 1 if a stage failed or the steps are not the peer's.
# --libraries is a folder to take NVRTC and cuBLASLt from before all others. --dry-run prints the commands, of a source tree too; --tiny runs
# them with small operands on the CPU, or, given the emulator's folder as --libraries, on the emulator.
set -uo pipefail

all_stages='device cubins tests G1 G9 G4 G13 G12 G14 G7 G2 G11 sanitizer'
archive='' out=${OUT:-$PWD/gpu-results} budget=540 stages=$all_stages mode=run libraries='' command_line="run.sh $*"
while [ $# -gt 0 ]; do
    case $1 in
        --archive) archive=$2; shift ;;
        --out) out=$2; shift ;;
        --budget) budget=$2; shift ;;
        --stages) stages=${2//,/ }; shift ;;
        --libraries) libraries=$2; shift ;;
        --dry-run) mode=dry ;;
        --tiny) mode=tiny ;;
        *) printf 'run.sh: %s: expected --archive, --out, --budget, --stages, --libraries, --dry-run or --tiny\n' "$1" >&2; exit 2 ;;
    esac
    shift
done
for stage in $stages; do
    [[ " $all_stages " == *" $stage "* ]] || { printf 'run.sh: --stages: %s: expected some of %s\n' "$stage" "$all_stages" >&2; exit 2; }
done
SECONDS=0
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
logs=$work/logs results=$out/results.jsonl
mkdir -p "$logs" "$work/libraries"
# For programs that have no flag for the folder.
with_libraries=(env "LD_LIBRARY_PATH=$work/libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")

if [ -n "$archive" ]; then
    tar -xf "$archive" -C "$work" 2>/dev/null || python3 -m tarfile -e "$archive" "$work" || exit 2
    root=$work/nativefl-gpu
else
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fi
[ "$mode" = dry ] || [ -x "$root/cuda-tests/NativeFl.Cuda.Tests" ] || { printf 'run.sh: %s is no unpacked archive of pack.sh: name one with --archive\n' "$root" >&2; exit 2; }

say() {
    printf '%s\n' "$*" | tee -a "$out/summary.txt"
}

left() {
    echo $((budget - SECONDS))
}

finish() {
    say "$SECONDS s of $budget; failed: ${failed:-nothing}; no time for: ${left_out:-nothing}"
    tar -C "$work" -czf "$out/logs.tar.gz" logs
    rm -rf "$work"
}
failed='' left_out='' stage_limit=0 stage_start=0

# attempt LOG COMMAND…: runs it within what is left of the stage and of the budget, shows the end of its log, remembers a failure.
attempt() {
    local log=$1 limit status=0
    shift
    limit=$((stage_limit - (SECONDS - stage_start)))
    [ "$limit" -le "$(left)" ] || limit=$(left)
    if [ "$mode" = dry ]; then
        printf '  [%s s] %s\n' "$limit" "$*"
        return 0
    fi
    [ "$limit" -gt 5 ] || { say "  $log: no time"; left_out+=" $log"; return 0; }
    timeout -k 5 "$limit" "$@" > "$logs/$log.log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        failed+=" $log"
        say "  $log: exit code $status$([ "$status" -lt 124 ] || echo " (limit $limit s)"): $*"
    fi
    # Figures and failed settings, where there are any.
    [ "$status" -eq 0 ] && grep -aE '^(G[0-9]+|tiny).*\]: ' "$logs/$log.log" | cut -c1-220 && return 0
    tail -n "$([ "$status" -eq 0 ] && echo 6 || echo 25)" "$logs/$log.log" | cut -c1-220
    return "$status"
}

# The two libraries as one folder of links: pip's own, which PyTorch uses, before those of an installed toolkit.
link_libraries() {
    local folders folder file
    [ -z "$libraries" ] || ln -s "$(cd "$libraries" && pwd)"/lib*.so* "$work/libraries/"
    folders=$(python3 -c 'import nvidia; print(*nvidia.__path__)' 2>/dev/null)
    for folder in $folders "${CUDA_HOME:-}" /usr/local/cuda /usr/local/cuda-* /usr/lib/x86_64-linux-gnu /usr/local/nvidia; do
        [ -d "$folder" ] || continue
        while IFS= read -r file; do
            [ -e "$work/libraries/$(basename "$file")" ] || ln -s "$file" "$work/libraries/"
        done < <(find -L "$folder" -maxdepth 5 \( -name 'libnvrtc*.so*' -o -name 'libcublasLt.so*' -o -name 'libnvJitLink.so*' \) ! -path '*stubs*' 2>/dev/null)
    done
    if ! ldconfig -p 2>/dev/null | grep -q libcuda.so.1 && [ -e /usr/local/nvidia/lib64/libcuda.so.1 ]; then
        ln -s /usr/local/nvidia/lib64/libcuda.so.1 "$work/libraries/"
    fi
}

json_text() {
    python3 -c 'import json, sys; print(json.dumps(sys.stdin.read().strip()))'
}

device() {
    local query=name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.limit,memory.total
    local gpu=none
    if command -v nvidia-smi >/dev/null; then gpu=$(nvidia-smi --query-gpu="$query" --format=csv,noheader); fi
    say "commit $(cat "$root/commit" 2>/dev/null || echo unknown); $gpu; $(nproc) cores; libraries: $(ls "$work/libraries" | tr '\n' ' ')"
    local versions='import importlib.metadata as m
for name in ("torch", "transformers", "peft", "triton", "liger-kernel", "numpy"):
    try: print(name, m.version(name), end="; ")
    except m.PackageNotFoundError: print(name, "absent", end="; ")'
    {
        printf '{"date":"%s","commit":%s,"gpu":%s,"fields":"%s",' "$(date -u +%FT%TZ)" "$({ cat "$root/commit" 2>/dev/null || echo unknown; } | json_text)" "$(json_text <<< "$gpu")" "$query"
        printf '"packages":%s,"nvcc":%s,' "$(python3 -c "$versions" 2>/dev/null | json_text)" "$(nvcc --version 2>/dev/null | tail -1 | json_text)"
        printf '"libraries":%s,"command":%s}\n' "$(ls "$work/libraries" | tr '\n' ' ' | json_text)" "$(json_text <<< "$command_line")"
    } > "$out/environment.json"
    attempt info "$root/cli/NativeFl.Cli" info --cuda-libraries "$work/libraries"
}

cubins() {
    local jobs architecture
    jobs=$(nproc)
    architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .)
    if ! command -v cmake >/dev/null || ! { command -v nvcc || [ -x /usr/local/cuda/bin/nvcc ]; } >/dev/null; then
        say '  no cmake or no nvcc: NVRTC compiles the kernels'
        return 0
    fi
    attempt cubins-configure cmake -S "$root" -B "$work/build" -DNATIVEFL_CUBINS=ON "-DNATIVEFL_ARCHITECTURES=${architecture:-90}" &&
        attempt cubins-build cmake --build "$work/build" --parallel "$jobs" || return 1
    [ "$mode" = dry ] || for program in cli cuda-tests benchmarks; do cp -r "$work/build/cubins" "$root/$program/"; done
}

tests() {
    local few=()
    [ "$mode" != tiny ] || few=(--filter 'FullyQualifiedName~RopeTests|FullyQualifiedName~SwigluTests')
    attempt tests "${with_libraries[@]}" "$root/cuda-tests/NativeFl.Cuda.Tests" --progress off --results-directory "$logs" "${few[@]}" || return 1
    [ "$mode" = dry ] || say "  $(grep -ahE 'CUDA: [0-9]+ cases|total:|failed:|succeeded:|skipped:' "$logs/tests.log" | tr '\n' ' ')"
    if [ "$mode" = run ] && command -v nvidia-smi >/dev/null && grep -aqE 'cases ran on (nothing|.*[Ee]mulator)' "$logs/tests.log"; then
        failed+=' tests-not-on-gpu'
    fi
}

ours() {
    local log=$1
    shift
    if [ "$mode" = tiny ] && [ -z "$libraries" ]; then set -- "$@" --device cpu; else set -- "$@" --cuda-libraries "$work/libraries"; fi
    attempt "$log" "$root/benchmarks/NativeFl.Benchmarks" "$@" --results "$results"
}

peer() {
    local log=$1 script=$2
    shift 2
    [ "$mode" != tiny ] || set -- "$@" --device cpu
    attempt "$log" python3 "$root/bench/peers/$script" "$@" --results "$results"
}

# Ours and the peer in turns, twice: first every setting of the peer, then the best of them once more.
train() {
    local case=$1 steps=40 warmup=10
    if [ "$mode" = tiny ]; then [ "$case" = G7 ] && case=tiny7 || case=tiny; fi
    ours "$1-ours-1" gpu-train --case "$case" --warmup $warmup --steps $steps
    stage_limit=$((stage_limit * 3 / 4)) peer "$1-peer-1" train_peer.py --case "$case" --warmup $warmup --steps $steps --seconds $((stage_limit / 2))
    ours "$1-ours-2" gpu-train --case "$case" --warmup $warmup --steps $steps
    peer "$1-peer-2" train_peer.py --case "$case" --warmup $warmup --steps $steps --best-of "$results"
}

merge() {
    local tiny=()
    [ "$mode" != tiny ] || tiny=(--tiny)
    ours G9-ours-1 gpu-merge "${tiny[@]}"
    peer G9-peer merge_peer.py "${tiny[@]}" --seconds $((stage_limit / 2))
    ours G9-ours-2 gpu-merge "${tiny[@]}"
}

kernels() {
    local case=$1 filter=$2 tiny=()
    [ "$mode" != tiny ] || tiny=(--tiny)
    ours "$case-ours" gpu-kernels --filter "$filter" "${tiny[@]}"
    peer "$case-peer" kernels_peer.py --case "$case" "${tiny[@]}"
}

# The asynchronous tensor cores too, where the device has them.
attention() {
    kernels G13 '*LongAttention*'
    [ "$mode" != tiny ] || return 0
    ours G13-ours-wgmma gpu-kernels --filter '*LongAttention*' --wgmma
}

# Every order is as good as another: ours, the peer, ours again.
shapley() {
    local tiny=()
    [ "$mode" != tiny ] || tiny=(--tiny)
    ours G14-ours-1 gpu-shapley "${tiny[@]}"
    peer G14-peer shapley_peer.py "${tiny[@]}" --seconds $((stage_limit / 2))
    ours G14-ours-2 gpu-shapley "${tiny[@]}"
}

# An even choice of the 192 coalitions, since all of them one by one take the peer half an hour.
values() {
    local few=(--coalitions 32)
    [ "$mode" != tiny ] || few=(--tiny)
    ours G11-ours gpu-values "${few[@]}"
    peer G11-peer values_peer.py "${few[@]}" --seconds $((stage_limit / 3))
}

# The tests of every op, memory errors before races.
sanitizer_ops='Attention AttentionDecode AttentionTile AttentionWgmma Copy CudaAdamW CudaAddScaled CudaColumnSum CudaCosineSimilarity CudaCrossEntropy CudaDropout CudaEmbedding CudaGatherRows
    CudaGradNorm CudaKMeans CudaResidualRmsNorm CudaRmsNorm CudaRope CudaShapley CudaSwiglu Linear Lora LoraMerge MatMul Pack'
sanitizer() {
    local tool found op filter=''
    found=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
    [ -n "$found" ] || { say '  compute-sanitizer is not installed'; [ "$mode" = dry ] || return 0; found=compute-sanitizer; }
    for op in $sanitizer_ops; do filter+="|FullyQualifiedName~.${op}Tests"; done
    for tool in memcheck racecheck; do
        stage_limit=200 stage_start=$SECONDS
        attempt "sanitizer-$tool" "${with_libraries[@]}" "$found" --tool "$tool" --target-processes all --error-exitcode 9 --print-limit 20 \
            "$root/cuda-tests/NativeFl.Cuda.Tests" --progress off --results-directory "$logs" --filter "${filter#|}"
    done
}

# Whatever was measured, in this call or an earlier one into the same folder; it takes a moment, so it is not a stage that time may run out for.
judge() {
    local gate=("$root/benchmarks/NativeFl.Benchmarks" gpu-report --gate "$out")
    say '== are they the same steps?'
    if [ "$mode" = dry ]; then printf '  %s\n' "${gate[*]}"; return 0; fi
    [ -s "$results" ] || { say '  nothing was measured'; return 0; }
    "${gate[@]}" > "$out/gate.md" 2> "$logs/gate.log" || failed+=' gate'
    say "$(grep '^| ' "$out/gate.md"; cat "$logs/gate.log")"
}

stage() {
    local name=$1
    stage_limit=$2 stage_start=$SECONDS
    shift 2
    [[ " $stages " == *" $name "* ]] || return 0
    if [ "$(left)" -lt 20 ]; then left_out+=" $name"; return 0; fi
    say "== $name (at most $((stage_limit < $(left) ? stage_limit : $(left))) s)"
    "$@"
}

trap finish EXIT
export TESTINGPLATFORM_TELEMETRY_OPTOUT=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
link_libraries
cd "$work" || exit 1
stage device 30 device
stage cubins 120 cubins
stage tests 180 tests
stage G1 190 train G1
stage G9 90 merge
stage G4 150 train G4
stage G13 120 attention
stage G12 150 kernels G12 '*Row*|*Head*|*Optimiser*|*Decoded*'
stage G14 60 shapley
stage G7 180 train G7
stage G2 240 train G2
stage G11 400 values
stage sanitizer 400 sanitizer
judge
[ -z "$failed" ]
