#!/bin/sh
# SPDX-License-Identifier: MIT
# tests - the tests that tests/README.md names exist, and none of the numbers
# that the theory asks for is without one.
set -eu
cd "$(dirname "$0")/.."
rc=0
rows_n=0

# "| test | what | `file` | `name` |", as "file name" a line.
# shellcheck disable=SC2016 # the backticks are the page's
rows=$(sed -n 's/^|[^|]*|[^|]*| `\([^`]*\)` | `\([^`]*\)` |$/\1 \2/p' \
	tests/README.md)
while read -r file name; do
	rows_n=$((rows_n + 1))
	grep -qE "^ *(def $name\(|START_TEST\($name\))" "tests/$file" || {
		echo "tests/README.md: $name is not in tests/$file"
		rc=1
	}
done <<ROWS
$rows
ROWS

# One row at least for each number.
needs() {
	grep -q "^| $1 | [^|]" tests/README.md || {
		echo "tests/README.md: no test for $1"
		rc=1
	}
}

for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	needs "lease $n"
done
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
	needs "rules $n"
done
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 15 16; do
	needs "T$n"
done
echo "$rows_n tests looked up"
exit "$rc"
