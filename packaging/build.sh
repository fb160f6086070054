#!/bin/sh
# Builds the packages: target/package/seatsync_VERSION_ARCH.deb and seatsync-VERSION.ARCH.rpm.
# Needs cargo-deb 3.8.0 and cargo-generate-rpm 0.21.1. Build on the oldest host that is to be served: the packages
# depend on the C library that they were built with.
#
#   packaging/build.sh [--profile dist|dev] [--version VERSION]
set -eu
cd "$(dirname "$0")/.."
profile=dist
version=
while [ $# -gt 0 ]; do
    case $1 in
    --profile) profile=$2; shift 2 ;;
    --version) version=$2; shift 2 ;;
    *) echo "unknown argument \`$1\`: packaging/build.sh [--profile dist|dev] [--version VERSION]" >&2; exit 2 ;;
    esac
done
case $profile in
dev) built=debug ;;
*) built=$profile ;;
esac
out=target/package
cargo build --locked --profile "$profile" --bin seatsync
rm -rf "$out/made"
mkdir -p "$out/made/completions"
seatsync=target/$built/seatsync
"$seatsync" man "$out/made/man" >/dev/null
"$seatsync" completions bash >"$out/made/completions/seatsync"
"$seatsync" completions zsh >"$out/made/completions/_seatsync"
"$seatsync" completions fish >"$out/made/completions/seatsync.fish"

rm -f "$out"/*.deb "$out"/*.rpm
# What is only tried out need not be small.
fast= packed=zstd
[ "$profile" != dev ] || fast=--fast packed=gzip
cargo deb --locked --no-build --profile "$profile" --strip $fast ${version:+--deb-version "$version"} --output "$out"
cargo generate-rpm --profile "$profile" --payload-compress "$packed" --output "$out" ${version:+--set-metadata "version = \"$version\""}
ls "$out"/*.deb "$out"/*.rpm
