#!/usr/bin/env bash
# Fetches NVIDIA's run-time compiler (no GPU and no toolkit needed) from Debian's non-free component, for the tests that compile every kernel
# for real. Nothing is installed: the two libraries are put into a folder, whose path is printed.
#
#   .ci/nvrtc.sh [FOLDER [12.4 | 11.8]]
#
#   12.4    knows sm_90a; what the tests take. FOLDER is build/nvrtc by default, where they look; another one is given to them as
#           NATIVEFL_NVRTC. Where it cannot be had, 11.8 takes its place.
#   11.8    the oldest that the product supports. FOLDER is build/nvrtc-11.8 by default ('').
#
# The mirror and the keyring are those of the machine's own Debian; only the suite and the component are others, and only for this call.
set -euo pipefail

refuse() {
    printf 'nvrtc.sh: %s\n' "$1" >&2
    exit 1
}

root=$(dirname "${BASH_SOURCE[0]}")/..
version=${2:-12.4}

# What a version is called: the suite that has it, its packages, its library.
choose() {
    case $1 in
        12.4) suite=trixie packages=(libnvrtc12 libnvrtc-builtins12.4) library=libnvrtc.so.12 default=$root/build/nvrtc ;;
        11.8) suite=bookworm packages=(libnvrtc11.2 libnvrtc-builtins11.8) library=libnvrtc.so.11.2 default=$root/build/nvrtc-11.8 ;;
        *) refuse "$1: expected 12.4 or 11.8" ;;
    esac
}

choose "$version"
folder=${1:-$default}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ -e "$folder/$library" ] && compgen -G "$folder/libnvrtc-builtins.so.*" >/dev/null; then
    printf '%s\n' "$folder"
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || refuse 'needs apt-get and dpkg'
# shellcheck disable=SC1091
own=$(. /etc/os-release && [ "$ID" = debian ] && printf '%s' "${VERSION_CODENAME:-}") || true
[ -n "$own" ] || refuse 'needs Debian'

# The first source that serves the machine's suite itself, in either of apt's two formats; its mirror has the other suites too.
mirror='' keyring=''
for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    read -r mirror keyring < <(awk -v suite="$own" '
        /^URIs:/ { uri = $2 }
        /^Signed-By:/ { key = $2 }
        /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == suite) found = 1 }
        /^[[:space:]]*$/ { if (found && uri) exit; uri = key = ""; found = 0 }
        END { if (found && uri) print uri, key }' "$file") || true
    [ -z "$mirror" ] || break
done
if [ -z "$mirror" ] && [ -e /etc/apt/sources.list ]; then
    mirror=$(awk -v suite="$own" '$1 == "deb" { i = 2; if ($i ~ /^\[/) { while ($i !~ /\]$/) i++; i++ }; if ($(i + 1) == suite) { print $i; exit } }' /etc/apt/sources.list)
fi
[ -n "$mirror" ] || refuse "no source for $own in /etc/apt"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The chosen version into $work/VERSION/root.
fetch() {
    local place=$work/$1
    mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: non-free\n%s' "$mirror" "$suite" "${keyring:+Signed-By: $keyring$'\n'}" > "$place/non-free.sources"
    local apt=(apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$place/non-free.sources" -o Dir::Etc::SourceParts=-
        -o Dir::State::Lists="$place/lists" -o Dir::Cache="$place/cache")
    "${apt[@]}" update >&2 || return 1
    (cd "$place" && "${apt[@]}" download "${packages[@]}" >&2) || return 1
    local package
    for package in "$place"/*.deb; do dpkg -x "$package" "$place/root" || return 1; done
    [ -n "$(find "$place/root" -name "$library")" ]
}

if ! fetch "$version"; then
    [ "$version" = 12.4 ] || refuse "no NVRTC $version in $suite"
    printf 'nvrtc.sh: no NVRTC 12.4 in %s; 11.8 takes its place, which does not know sm_90a\n' "$suite" >&2
    version=11.8
    choose "$version"
    if [ -e "$folder/$library" ]; then
        printf '%s\n' "$folder"
        exit 0
    fi
    fetch "$version" || refuse "no NVRTC $version in $suite"
fi
rm -f "$folder"/libnvrtc*.so* # a process that finds two takes the newer
find "$work/$version/root" -name 'libnvrtc*.so*' -exec cp -a -t "$folder" {} +
printf '%s\n' "$folder"
