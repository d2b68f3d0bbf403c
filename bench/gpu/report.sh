#!/usr/bin/env bash
# The tables of bench/results/README.md from the folders that bench/gpu/run.sh left; needs the .NET SDK.
#
#   bench/gpu/report.sh DIR… > bench/results/README.md
#   bench/gpu/report.sh --gate DIR…                        only whether the training steps are the peer's; of any machine
#
# The exit code is 1 if a case's steps are not the peer's, or if one of the two is missing.
set -euo pipefail
exec dotnet run -c Release --project "$(dirname "${BASH_SOURCE[0]}")/../NativeFl.Benchmarks" -- gpu-report "$@"
