#!/usr/bin/env bash
# Packs everything that is measured on a GPU machine into one archive for linux-x64: command line, CUDA tests and benchmarks on one .NET
# runtime, the kernels' sources, the emulator, the PyTorch peers and run.sh. There it needs neither .NET nor a network.
#
#   bench/gpu/pack.sh [ARCHIVE]              default: artifacts/nativefl-gpu.tar.xz
#
# Needs the .NET SDK for linux-x64 and xz. Fails if the archive is larger than 60 MiB.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
archive=$(realpath -m "${1:-$root/artifacts/nativefl-gpu.tar.xz}")
limit=$((60 * 1024 * 1024))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en MSBUILDTERMINALLOGGER=off
tree=$scratch/nativefl-gpu
cd "$root"

fail() {
    printf '%s\n' "pack.sh: $1" >&2
    exit 1
}

command -v xz >/dev/null || fail 'xz is not installed'
command -v dotnet >/dev/null || fail 'dotnet is not installed'
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "expected Linux x86_64, got $(uname -sm)"

# The runtime is the SDK's own, in the layout that an executable looks for: host/fxr and shared.
runtime=$(dotnet --list-runtimes | sed -nE 's/^Microsoft\.NETCore\.App (10\.[0-9.]+) \[(.*)\/shared\/Microsoft\.NETCore\.App\]$/\1 \2/p' | sort -V | tail -1)
[ -n "$runtime" ] || fail 'expected a Microsoft.NETCore.App 10 among dotnet --list-runtimes'
version=${runtime%% *} installed=${runtime#* }
mkdir -p "$tree/runtime/host/fxr" "$tree/runtime/shared/Microsoft.NETCore.App"
cp -r "$installed/host/fxr/$version" "$tree/runtime/host/fxr/"
cp -r "$installed/shared/Microsoft.NETCore.App/$version" "$tree/runtime/shared/Microsoft.NETCore.App/"
# What only debuggers open.
rm -f "$tree/runtime/shared/Microsoft.NETCore.App/$version"/{createdump,libmscordbi.so,libmscordaccore.so}

# Executables that find the runtime beside them, on a machine that may have no ICU. Build output and lock files go to the scratch folder.
publish() {
    printf '== %s\n' "$1"
    dotnet publish "$1" -c Release -r linux-x64 --self-contained false --artifacts-path "$scratch/build" -o "$tree/$2" -m:1 -v q --nologo \
        -p:NuGetLockFilePath="$scratch/build/$2.lock.json" -p:PublishAot=false -p:InvariantGlobalization=true -p:EnableNUnitRunner=true \
        -p:AppHostDotNetSearch=AppRelative -p:AppHostRelativeDotNet=../runtime -p:DebugType=none -p:SatelliteResourceLanguages=en \
        -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false
}
publish src/NativeFl.Cli cli
publish tests/NativeFl.Cuda.Tests cuda-tests
publish bench/NativeFl.Benchmarks benchmarks
rm -rf "$tree"/benchmarks/runtimes/win* "$tree"/benchmarks/{x86,amd64,arm64} "$tree"/cuda-tests/Microsoft.CodeCoverage

cp -r CMakeLists.txt CMakePresets.json cmake kernels "$tree/"
mkdir -p "$tree/tests" "$tree/bench/gpu"
cp -r tests/emulator "$tree/tests/"
cp -r bench/peers "$tree/bench/"
cp bench/gpu/run.sh "$tree/bench/gpu/"
find "$tree" -name __pycache__ -prune -exec rm -rf {} +
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit+=', changed'
printf '%s\n' "$commit" > "$tree/commit"

mkdir -p "$(dirname "$archive")"
tar -C "$scratch" --sort=name --owner=0 --group=0 --mtime=@0 -cf - nativefl-gpu | xz -6 -T0 > "$archive"
size=$(stat -c %s "$archive")
printf '%s: %s bytes, %s.%s MiB (unpacked %s), commit %s\n' \
    "$archive" "$size" $((size / 1048576)) $((size % 1048576 * 10 / 1048576)) "$(du -sh "$tree" | cut -f1)" "$commit"
[ "$size" -le "$limit" ] || fail "the archive is over 60 MiB: $(du -sm "$tree"/* | sort -rn | head -4 | tr '\n\t' '; ')"
