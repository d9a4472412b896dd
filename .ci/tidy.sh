#!/bin/sh
# SPDX-License-Identifier: MIT
# tidy - clang-tidy over every C file of a build.  Usage: tidy.sh BUILD
set -eu
build=$1
cd "$(dirname "$0")/.."
find daemon proto client tests -name '*.c' -type f | sort |
	while read -r file; do
		# Only what the build compiles has flags to check it with.
		grep -qF "$PWD/$file\"" "$build/compile_commands.json" &&
			echo "$file"
	done |
	xargs -n 1 -P "$(nproc)" clang-tidy --quiet \
		--config-file=.ci/clang-tidy -p "$build"
