#!/bin/sh
# SPDX-License-Identifier: MIT
# docs - what the program knows stands in its manuals: every configuration
# key, verb, key of a verb, status, event and metric, and every exported
# symbol of the library.  Usage: docs.sh BUILD
#
# The rows come from the program itself: `zklockd --dump-tables` prints one
# "kind word" a line.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
rc=0
rows_n=0

# needs KIND WORD FILE...: each file that exists must name the word, whole.
needs() {
	kind=$1
	word=$2
	shift 2
	for file; do
		if [ ! -e "$file" ]; then
			echo "$file: missing, must tell of $kind $word"
			rc=1
		elif ! sed 's/\\-/-/g; s/\\f[BIRP]//g' "$file" |
			grep -qE "(^|[^A-Za-z0-9_])$word([^A-Za-z0-9_]|\$)"; then
			echo "$file: $kind $word is not there"
			rc=1
		fi
	done
	rows_n=$((rows_n + 1))
}

tables=$("$build/daemon/zklockd" --dump-tables)
while read -r kind word _; do
	case $kind in
	key) needs key "$word" conf/zklockd.conf conf/zklockd.conf.5 ;;
	flag) needs flag "$word" daemon/zklockd.8 ;;
	verb | verbkey | status | event | cap)
		needs "$kind" "$word" proto/PROTOCOL.md
		;;
	'') ;;
	*) ;; # metrics come with their manual page
	esac
done <<TABLES
$tables
TABLES

if [ "$rows_n" -lt 30 ]; then
	echo "only $rows_n rows in the tables: that cannot be all"
	rc=1
fi

# Every exported symbol is in the map and the header, and explained there.
library=$(find "$build/client" -name 'libzklock.so' | head -n 1)
if [ -n "$library" ]; then
	nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ { print $3 }' |
		sed 's/@.*//' | sort -u >"$build/exported"
	grep -v '^zklock_' "$build/exported" && {
		echo "exported, and no name of ours"
		rc=1
	}
	while read -r symbol; do
		needs symbol "$symbol" client/zklock.h
	done <"$build/exported"
fi
echo "$rows_n rows looked up"
sh .ci/tests.sh || rc=1
exit "$rc"
