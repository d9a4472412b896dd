#!/bin/sh
# SPDX-License-Identifier: MIT
# run - every check there is, from a fresh clone: installs what is missing,
# builds with warnings as errors, runs the rings.
#
#   sh tests/run.sh             all of it (what CI runs)
#   sh tests/run.sh quick       a few minutes: format, rooms, docs, gcc and
#                               clang, unit, flow and a small sim under
#                               ASan and UBSan, and what has threads under
#                               TSan
#   sh tests/run.sh LABEL...    some of: unit sim flow e2e interop faults fuzz
#   sh tests/run.sh tidy        clang-tidy over every file
#
# ZKL_NIGHTLY=1 asks for the nightly sizes.  Builds and logs go to build/.
set -eu
unset CDPATH
root=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=tests/support/stage.sh
. "$root/tests/support/stage.sh"

rings='unit sim flow e2e interop faults fuzz'
built_by_gcc='unit sim flow e2e interop faults'
sanitized='unit sim flow'
failed=
summaries=
passed_n=0
failed_n=0

usage() {
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
	exit 64
}

# A stage that counts as one check.
check() {
	if stage "$@"; then
		passed_n=$((passed_n + 1))
	else
		tail -n 30 "$stage_log" | sed 's/^/   | /'
		failed="$failed $stage_name"
		failed_n=$((failed_n + 1))
	fi
}

build_check() {
	if build "$@"; then
		return 0
	fi
	grep -E 'error|warning|undefined|FAILED:' "$stage_log" |
		grep -v '^[^ ]*/bin/' | head -n 30 | sed 's/^/   | /'
	failed="$failed $stage_name"
	failed_n=$((failed_n + 1))
	return 1
}

# ring_tests VARIANT LABEL...: ctest over the labels that have tests.
ring_tests() {
	variant=$1
	shift
	labels=$(echo "$*" | tr ' ' '|')
	rc=0
	stage "test-$variant" ctest --test-dir "$work/$variant" \
		-L "^($labels)\$" --output-on-failure --no-tests=error \
		-j "$jobs" || rc=$?
	line=$(grep -E 'tests passed, [0-9]+ tests failed out of' \
		"$stage_log" || echo "0% tests passed, 1 tests failed out of 1")
	bad=${line#*, }
	bad=${bad%% *}
	all=${line##* }
	passed_n=$((passed_n + all - bad))
	failed_n=$((failed_n + bad))
	summaries="$summaries$variant: $line
"
	if [ "$rc" -ne 0 ]; then
		failed="$failed $stage_name"
		# What unittest, Check and the sanitizers say, then the names.
		{
			grep -A 14 -E '^(FAIL|ERROR): |:[FE]:|^==[0-9]+==ERROR|WARNING: ThreadSanitizer|runtime error' \
				"$stage_log" | head -n 60
			sed -n '/The following tests FAILED/,$p' "$stage_log"
		} | sed 's/^/   | /'
	fi
}

sources_check() {
	check format sh "$root/.ci/format.sh"
	check rooms sh -c 'cd "$1" && exec sh .ci/rooms.sh' rooms "$root"
}

docs_check() {
	check docs sh "$root/.ci/docs.sh" "$work/$1"
}

build_gcc() {
	build_check gcc '' -DCMAKE_C_COMPILER=gcc -DZKL_WERROR=ON \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo
}

build_clang() {
	build_check clang '' -DCMAKE_C_COMPILER=clang -DZKL_WERROR=ON \
		-DCMAKE_BUILD_TYPE=Debug
}

build_asan() {
	build_check asan '' -DCMAKE_C_COMPILER=gcc -DZKL_WERROR=ON \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DZKL_SANITIZE=address,undefined
}

build_tsan() {
	build_check tsan '' -DCMAKE_C_COMPILER=gcc -DZKL_WERROR=ON \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DZKL_SANITIZE=thread
}

sanitized_rings() {
	if build_asan; then
		export ZKL_SMALL=1
		# shellcheck disable=SC2086 # a list of words is meant
		ring_tests asan $sanitized
	fi
	if build_tsan; then
		ring_tests tsan threads
	fi
}

# shellcheck disable=SC2086 # lists of words are meant
run_all() {
	sources_check
	if build_gcc; then
		docs_check gcc
		ring_tests gcc $built_by_gcc
	fi
	if build_clang; then
		ring_tests clang fuzz
	fi
	sanitized_rings
}

run_quick() {
	sources_check
	if build_gcc; then
		docs_check gcc
	fi
	build_clang || :
	sanitized_rings
}

run_tidy() {
	if build_gcc; then
		check tidy sh "$root/.ci/tidy.sh" "$work/gcc"
	fi
}

for word; do
	case " quick tidy $rings " in
	*" $word "*) ;;
	*) usage ;;
	esac
done

sh "$root/tests/install.sh" run
stage_init
export UBSAN_OPTIONS=print_stacktrace=1 PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=quarantine_size_mb=16:allocator_may_return_null=1
# A child of fork has the parent's threads in its books, and not to join.
export TSAN_OPTIONS=allocator_may_return_null=1:report_thread_leaks=0

asked=
search=
for word; do
	case $word in
	quick) run_quick ;;
	tidy) run_tidy ;;
	fuzz) search=yes ;; # libFuzzer is clang's
	*) asked="$asked $word" ;;
	esac
done
if [ $# -eq 0 ]; then
	run_all
elif [ -n "$asked" ] && build_gcc; then
	# shellcheck disable=SC2086
	ring_tests gcc $asked
fi
if [ -n "$search" ] && build_clang; then
	ring_tests clang fuzz
fi

echo
printf '%s' "$summaries"
if [ -n "$failed" ]; then
	echo "failed:$failed (logs: $logs)"
fi
echo "$passed_n passed, $failed_n failed"
[ "$failed_n" -eq 0 ] && [ -z "$failed" ]
