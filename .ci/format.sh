#!/bin/sh
# SPDX-License-Identifier: MIT
# format - the shape of every file: clang-format, licence line, length,
# stray blanks; scripts parse, Python compiles.  Changes nothing.
set -eu
cd "$(dirname "$0")/.."
rc=0

bad() {
	echo "$1"
	rc=1
}

list() {
	find daemon proto client conf systemd tests "$@" -type f | sort
}

c_files=$(list -name '*.[ch]')
# shellcheck disable=SC2086 # our names have no blanks
clang-format --style=file:.ci/clang-format --dry-run -Werror $c_files || rc=1

for file in $c_files $(list -name '*.py' -o -name '*.sh') .ci/*; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
		case $file in
		.ci/clang-*) ;; # settings, not code
		*) bad "$file: no licence line" ;;
		esac
	lines=$(wc -l <"$file")
	[ "$lines" -le 700 ] || bad "$file: $lines lines, 700 allowed"
	blanks=$(grep -nE '[[:blank:]]+$' "$file" | head -n 1 || :)
	[ -z "$blanks" ] || bad "$file:$blanks: blank at the end of a line"
done

for file in $(list -name '*.sh') .ci/*.sh .ci/run; do
	sh -n "$file" || rc=1
	shellcheck -x --shell=dash --severity=warning \
		"$file" || rc=1
done

for file in $(list -name '*.py'); do
	/usr/bin/python3 - "$file" <<'PYTHON' || rc=1
import sys

path = sys.argv[1]
text = open(path, encoding="utf-8").read()
compile(text, path, "exec")
long = [n for n, line in enumerate(text.split("\n"), 1) if len(line) > 79]
if long:
    sys.exit(f"{path}:{long[0]}: longer than 79 columns")
PYTHON
done
exit "$rc"
