#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols - the shared library shows exactly what its map, its header and its
# manual tell of, and needs nothing but libc.  Usage: symbols.sh LIB SOURCE
set -eu
lib=$1
source=$2
rc=0

shown=$(nm -D --defined-only "$lib" | awk '$2 ~ /[TDBRV]/ { print $3 }' |
	sed 's/@.*//' | grep '^zklock_' | sort -u)
mapped=$(sed -n 's/^[[:space:]]*\(zklock_[a-z_]*\);$/\1/p' \
	"$source/zklock.map" | sort -u)
if [ "$shown" != "$mapped" ]; then
	echo "the map and the library differ:"
	printf '%s\n%s\n' "$shown" "$mapped" | sort | uniq -u
	rc=1
fi
for symbol in $shown; do
	for file in zklock.h libzklock.3; do
		if ! grep -qw "$symbol" "$source/$file"; then
			echo "$file: $symbol is not there"
			rc=1
		fi
	done
done
# A sanitizer's runtime is not ours to count.
needs=$(readelf -d "$lib" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
	grep -v -e '^libasan' -e '^libubsan' -e '^libtsan' || true)
for need in $needs; do
	case $need in
	libc.so.* | ld-linux*) ;;
	lib[mr]*.so.* | libgcc_s.so.* | libpthread.so.* | libdl.so.*)
		# clang links these for a sanitizer; by itself nothing does.
		readelf -d "$lib" | grep -q -e asan -e ubsan || {
			nm -D "$lib" | grep -q __asan_ || {
				echo "needs $need"
				rc=1
			}
		}
		;;
	*)
		echo "needs $need"
		rc=1
		;;
	esac
done
exit "$rc"
