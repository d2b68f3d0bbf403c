#!/usr/bin/env bash
# Fetches NVIDIA's run-time compiler (NVRTC 11.8: sm_35 to sm_90, no GPU and no toolkit needed) from Debian's non-free component, for the
# tests that compile every kernel for real. Nothing is installed: the two libraries are put into a folder.
#
#   .ci/nvrtc.sh [FOLDER]     FOLDER is build/nvrtc by default, where the tests look; another one is given to them as NATIVEFL_NVRTC.
#
# The mirror, the suite and the keyring are those of the machine's own Debian; only the component is another one, and only for this call.
set -euo pipefail

packages=(libnvrtc11.2 libnvrtc-builtins11.8)
folder=${1:-$(dirname "${BASH_SOURCE[0]}")/../build/nvrtc}

refuse() {
    printf 'nvrtc.sh: %s\n' "$1" >&2
    exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if compgen -G "$folder/libnvrtc.so.*" >/dev/null && compgen -G "$folder/libnvrtc-builtins.so.*" >/dev/null; then
    printf '%s\n' "$folder"
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || refuse 'needs apt-get and dpkg'
# shellcheck disable=SC1091
suite=$(. /etc/os-release && [ "$ID" = debian ] && printf '%s' "${VERSION_CODENAME:-}") || true
[ -n "$suite" ] || refuse 'needs Debian'

# The first source that serves the suite itself, in either of apt's two formats.
mirror='' keyring=''
for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    read -r mirror keyring < <(awk -v suite="$suite" '
        /^URIs:/ { uri = $2 }
        /^Signed-By:/ { key = $2 }
        /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == suite) found = 1 }
        /^[[:space:]]*$/ { if (found && uri) exit; uri = key = ""; found = 0 }
        END { if (found && uri) print uri, key }' "$file") || true
    [ -z "$mirror" ] || break
done
if [ -z "$mirror" ] && [ -e /etc/apt/sources.list ]; then
    mirror=$(awk -v suite="$suite" '$1 == "deb" { i = 2; if ($i ~ /^\[/) { while ($i !~ /\]$/) i++; i++ }; if ($(i + 1) == suite) { print $i; exit } }' /etc/apt/sources.list)
fi
[ -n "$mirror" ] || refuse "no source for $suite in /etc/apt"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: non-free\n%s' "$mirror" "$suite" "${keyring:+Signed-By: $keyring$'\n'}" > "$work/non-free.sources"
apt=(apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$work/non-free.sources" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache")

"${apt[@]}" update >&2
(cd "$work" && "${apt[@]}" download "${packages[@]}" >&2)
for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
find "$work/root" -name 'libnvrtc*.so*' -exec cp -a -t "$folder" {} +
compgen -G "$folder/libnvrtc.so.*" >/dev/null || refuse 'the packages hold no libnvrtc'
printf '%s\n' "$folder"
