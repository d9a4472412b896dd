#!/bin/sh
# SPDX-License-Identifier: MIT
# try - see it work: installs what is missing, builds, starts a private
# ZooKeeper and two daemons ("hosts"), lets ten tasks take turns at one lock,
# hands a lock from host to host, kills a holder, and prints the proof.
#
#   sh tests/try.sh            everything is gone afterwards
#   sh tests/try.sh --keep     leave it running, and say what to type
#   sh tests/try.sh --stop     end what --keep left running
set -eu
unset CDPATH
root=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=tests/support/stage.sh
. "$root/tests/support/stage.sh"

case ${1:-} in
'' | --keep | --stop) ;;
*)
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
	exit 64
	;;
esac
keep=${1:-}
state_tmp=${TMPDIR:-/tmp}
[ "$keep" = --stop ] || sh "$root/tests/install.sh" try
stage_init

# shellcheck disable=SC2154 # stage_init has set work
scene() {
	ZKL_BUILD="$work/try" PYTHONDONTWRITEBYTECODE=1 TMPDIR="$state_tmp" \
		/usr/bin/python3 "$root/tests/support/scene.py" \
		--state "$work/try.pid" "$@"
}

if [ "$keep" = --stop ]; then
	scene --stop
	exit
fi

build try '' -DZKL_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo || {
	# shellcheck disable=SC2154
	tail -n 30 "$stage_log"
	exit 1
}
scene $keep
