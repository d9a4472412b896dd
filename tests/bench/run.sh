#!/bin/sh
# SPDX-License-Identifier: MIT
# run - measures zklockd against its peers, in one run, as ratios.
#
#   sh tests/bench/run.sh [--rounds N] [--seconds S] [--daemon PATH]
#                         [--json FILE] [--write] [GROUP...]
#
# Groups: warm crowd over cold many spawn idle tasks remote (default: all).
# Installs the peers from Debian's packages (kazoo, Curator, etcd, Redis,
# flock), builds, starts private servers and ends them.  --daemon measures
# another build of zklockd.  The picture is build/bench.svg; --write puts table
# and picture into tests/bench/README.md too, of a run of all groups.
set -eu
unset CDPATH
root=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=tests/support/stage.sh
. "$root/tests/support/stage.sh"

# A stage is a program in a group of its own: ours are parts of this file,
# called again as "run.sh --part FUNCTION WORK".
case ${1-} in
--part) work=$3 ;;
*) stage_init ;;
esac
build="$work/bench"
peers="$work/bench-peers"
jars=/usr/share/java

case " $* " in
*' --help '* | *' -h '*)
	sed -n '3,/^set/s/^# \{0,1\}//p' "$0"
	exit 0
	;;
esac

# Known to dpkg as installed, not merely as a name.
missing_of() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" \
			2>/dev/null) in
		ii* | hi*) ;;
		*) echo "$package" ;;
		esac
	done
}

# The servers of Redis and etcd are taken out of their packages, not
# installed: installing starts them as services.
install_peers() {
	sh "$root/tests/install.sh" run
	missing=$(missing_of python3-kazoo libcurator-recipes-java \
		default-jdk-headless golang-go golang-etcd-server-dev \
		redis-tools util-linux)
	as_root=
	[ "$(id -u)" -eq 0 ] || as_root=sudo
	# shellcheck disable=SC2086 # a list of words is meant
	[ -z "$missing" ] || $as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -o DPkg::Lock::Timeout=300 install -y \
		--no-install-recommends --no-remove --no-upgrade $missing
	if [ ! -x "$peers/etcd/usr/bin/etcd" ]; then
		mkdir -p "$peers/etcd"
		(cd "$peers" && apt-get -q download etcd-server &&
			dpkg-deb -x etcd-server_*.deb etcd)
	fi
}

build_peers() {
	mkdir -p "$peers"
	ln -sf /usr/bin/redis-check-rdb "$peers/redis-server"
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=-p=2 \
		go build -o "$peers/peer_etcd" "$root/tests/bench/peer_etcd.go"
	javac -d "$peers" -cp "$jars/curator-recipes.jar:\
$jars/curator-framework.jar:$jars/curator-client.jar:$jars/zookeeper.jar" \
		"$root/tests/bench/PeerCurator.java"
}

build_ours() {
	cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release &&
		cmake --build "$build"
}

step() {
	if stage "$@"; then
		return 0
	fi
	tail -n 20 "$stage_log" | sed 's/^/   | /'
	echo "bench: $stage_name failed; its log is $stage_log" >&2
	exit 1
}

case ${1-} in
--part)
	"$2"
	exit
	;;
esac
step bench-install sh "$root/tests/bench/run.sh" --part install_peers "$work"
step bench-peers sh "$root/tests/bench/run.sh" --part build_peers "$work"
step bench-build sh "$root/tests/bench/run.sh" --part build_ours "$work"
env ZKL_BUILD="$build" BENCH_PEERS="$peers" BENCH_WORK="$work" \
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$root/tests/support" \
	/usr/bin/python3 "$root/tests/bench/bench.py" "$@"
