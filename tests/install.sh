#!/bin/sh
# SPDX-License-Identifier: MIT
# install - what is missing from Debian's packages, and nothing else.
# Usage: sh tests/install.sh [try|run]   (run is the default, and the larger)
# Nothing is removed, no service is started, no package is upgraded.
set -eu

build='gcc libc6-dev cmake ninja-build pkg-config libevent-dev
libzookeeper-st-dev libconfuse-dev uthash-dev libsystemd-dev
libsmartcols-dev libjansson-dev libedit-dev'
servers='python3 socat default-jre-headless libzookeeper-java libslf4j-java'
rings='check clang clang-format clang-tidy libclang-rt-14-dev llvm
systemd man-db shellcheck iproute2 libfaketime
python3-kazoo libcurator-recipes-java'

case ${1:-run} in
try) wanted="$build $servers" ;;
run) wanted="$build $servers $rings" ;;
*)
	echo "usage: sh tests/install.sh [try|run]" >&2
	exit 64
	;;
esac

# Any JDK will do: Curator's side of the interop ring is compiled.
if [ "${1:-run}" = run ] && ! command -v javac >/dev/null 2>&1; then
	wanted="$wanted default-jdk-headless"
fi

# Known to dpkg as installed, not merely as a name.
has() {
	case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in
	ii* | hi*) return 0 ;;
	esac
	return 1
}

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "install: this is not Debian; needed are: $wanted" >&2
	exit 69
fi

missing=
for package in $wanted; do
	has "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
	exit 0
fi

case " $missing " in
*' libzookeeper-st-dev '*)
	if has libzookeeper-mt-dev; then
		cat >&2 <<'TEXT'
install: libzookeeper-st-dev is needed and libzookeeper-mt-dev is installed.
The two exclude each other: installing ours makes apt remove the other, so
this is yours to decide.  To go on:
	apt-get install libzookeeper-st-dev
TEXT
		exit 69
	fi
	;;
esac

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "install: run as root, or install sudo; missing:$missing" >&2
		exit 77
	fi
	as_root=sudo
fi

log=$(mktemp "${TMPDIR:-/tmp}/zkl-install.XXXXXX")
echo "install: missing$missing (log: $log)"
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		"$@" >>"$log" 2>&1
}
# shellcheck disable=SC2086 # a list of words is meant
if ! { apt update && apt install -y --no-install-recommends --no-remove \
	--no-upgrade $missing; }; then
	tail -n 20 "$log" >&2
	echo "install: apt-get failed; the whole story is in $log" >&2
	exit 69
fi
rm -f "$log"
