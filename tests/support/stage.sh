# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# stage - what tests/run.sh and tests/try.sh share: where to build, and how a
# long step is run: in a process group of its own, its output in a log, a
# line every half minute, and ended by its id when we are ended.
# Sourced; the caller has set root to the checkout.

stage_pid=
stage_every_s=30

stage_end() {
	if [ -n "$stage_pid" ]; then
		kill -TERM -- "-$stage_pid" 2>/dev/null || :
		asked=0
		while kill -0 -- "-$stage_pid" 2>/dev/null; do
			asked=$((asked + 1))
			[ "$asked" -ne 50 ] || kill -KILL -- "-$stage_pid" || :
			[ "$asked" -lt 100 ] || break
			sleep 0.1
		done
		wait "$stage_pid" 2>/dev/null || :
		stage_pid=
	fi
	[ -z "${stage_tmp:-}" ] || rm -rf "$stage_tmp"
}

# Build folder, logs, and a temporary folder that goes with us.
stage_init() {
	work=${ZKL_WORK:-$root/build}
	if ! mkdir -p "$work" 2>/dev/null || [ ! -w "$work" ]; then
		work=${TMPDIR:-/tmp}/zklockd-build-$(id -u)
		mkdir -p "$work"
	fi
	work=$(cd "$work" && pwd)
	logs=$work/log
	mkdir -p "$logs"
	stage_tmp=$(mktemp -d "${TMPDIR:-/tmp}/zkl.XXXXXX")
	export TMPDIR="$stage_tmp"
	trap stage_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	jobs=$(nproc 2>/dev/null || echo 2)
}

stage_took() {
	took_s=$(($(date +%s) - stage_began_s))
	echo "$((took_s / 60)) min $((took_s % 60)) s"
}

# New lines of the log that are worth seeing: one a finished test.
stage_show() {
	lines=$(wc -l <"$stage_log")
	if [ "$lines" -gt "$shown" ]; then
		sed -n "$((shown + 1)),${lines}p" "$stage_log" |
			grep -E '^ *[0-9]+/[0-9]+ Test +#' || :
		shown=$lines
	fi
}

# stage NAME COMMAND...: run it; its log is $logs/NAME.log.
stage() {
	stage_name=$1
	shift
	stage_log=$logs/$stage_name.log
	stage_began_s=$(date +%s)
	echo "== $stage_name"
	setsid "$@" >"$stage_log" 2>&1 </dev/null &
	stage_pid=$!
	ticks=0
	shown=0
	while kill -0 "$stage_pid" 2>/dev/null; do
		if [ "$ticks" -lt 20 ]; then sleep 0.1; else sleep 1; fi
		ticks=$((ticks + 1))
		stage_show
		if [ $((ticks % stage_every_s)) -eq 0 ] && [ "$ticks" -gt 20 ]; then
			echo "   $stage_name: $(stage_took)," \
				"$(tail -n 1 "$stage_log" | cut -c 1-60)"
		fi
	done
	rc=0
	wait "$stage_pid" || rc=$?
	stage_pid=
	stage_show
	if [ "$rc" -eq 0 ]; then
		echo "   $stage_name: ok ($(stage_took))"
	else
		echo "   $stage_name: FAILED with $rc; log: $stage_log"
	fi
	return "$rc"
}

# build VARIANT TARGET [CMAKE OPTION...]: configure and build below $work.
# An empty TARGET means all.
build() {
	variant=$1
	target=$2
	shift 2
	dir=$work/$variant
	if [ -f "$dir/CMakeCache.txt" ] && ! grep -qxF \
		"CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
		rm -rf "$dir" # made for a checkout that was elsewhere
	fi
	# shellcheck disable=SC2016 # the inner shell expands
	stage "build-$variant" sh -ec '
		root=$1 dir=$2 jobs=$3 target=$4
		shift 4
		cmake -G Ninja -S "$root" -B "$dir" "$@"
		exec cmake --build "$dir" -j "$jobs" ${target:+--target $target}
	' build "$root" "$dir" "$jobs" "$target" "$@"
}
