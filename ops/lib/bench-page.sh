#!/usr/bin/env bash
# Writes the rows that ops/bench has left in a folder into docs/benchmarks.md; all others stay as they are.
#   ops/lib/bench-page.sh FOLDER MIB     MIB: size of the disk that was copied
set -euo pipefail
cd "$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")"
work=$1 mib=$2 result=$1/result
. ops/lib/java.sh
find_java

# Every row says when and at which commit it was measured; what this run did not measure stays as it is.
measured="$(date -u +%F) \`$(git rev-parse --short HEAD 2>/dev/null || echo unknown)\`"
page=docs/benchmarks.md
rows_of() { # a section's rows without its head
  [[ -e $page ]] || return 0
  awk -v section="## $1" '/^## / { on = ($0 == section) } on && /^\|/ { if (n++ > 1) print }' "$page"
}
merge() { # the old rows with those of a file in their places, further ones behind; $2 columns tell rows apart
  awk -F' [|] ' -v file="$1" -v columns="$2" '
    function key() { return columns == 1 ? $1 : $1 FS $2 }
    BEGIN { while ((getline < file) > 0) { new[key()] = $0; order[++n] = key() } }
    key() in new { print new[key()]; delete new[key()]; next }
    { print }
    END { for (i = 1; i <= n; i++) if (order[i] in new) print new[order[i]] }'
}
dated() { sed "s/\$/ $(sed 's/[&/]/\\&/g' <<<"$measured") |/"; }
grep -v '^|' "$work/libvirt.rows" >>"$result" || true
grep '^|' "$result" | dated >"$work/copying.new" || true
grep -v '^|' "$result" | grep ':' | sed -E 's/^([^:]*): (.*)$/| \1 | \2 |/' | dated >"$work/sizes.new" || true
grep '^|' "$work/server.rows" | dated >"$work/server.new" || true
grep '^|' "$work/libvirt.rows" | dated >"$work/libvirt.new" || true
grep '^|' "$work/queries.rows" | dated >"$work/queries.new" || true
{
  cat <<TEXT
# Benchmarks

Made by \`ops/bench\` on $(nproc) cores, $(awk '/MemTotal/ { printf "%d GiB", $2 / 1048576 + 0.5 }' /proc/meminfo) of memory, $(qemu-img --version | head -n 1), libnbd $(nbdinfo --version | awk 'NR == 1 { print $2 }'), JDK $java_release, with a disk of $mib MiB.
Each row says when and at which commit it was measured.

Ours is the whole Batch job in a running process: planning, snapshot, copy, tables, forcing, publishing, database (embedded), until the
restore point is sealed; of checksums while writing, of merging and consolidating it is the copy alone, and of \`serve-nbd\` its server, in this
process, too. That process has made ninety or more backups before, as one that has run for some nights. The peer is timed as its
command, process start included; of \`fio\`, which tells what the storage gives, it is the time that it tells itself. Both end durable. They run
in turn, the order swapped each round; the ratio is ours by theirs within a round, below 1 is faster. Source pages are in the page cache for
both. Every output of every round is checked by \`qemu-img check\` and compared with its source by \`qemu-img compare\`, but for what
\`fio\` has written. Processor time is that of our process and of the peer's commands; a qemu-nbd that serves both counts for neither. Where it
has a goal of its own, its range is told, too, and both are to be met.

## Copying

| case | peer in the same run | goal | wall, median | range | cpu, median | our seconds | rounds | | measured |
|---|---|---|---|---|---|---|---|---|---|
TEXT
  rows_of Copying | merge "$work/copying.new" 2
  cat <<'TEXT'

## Running guests of libvirt

The same guest with the same two disks twice, in QEMU's emulator, each with the same writes: one is backed up and restored by a server that is
asked over HTTP, the other by the peer's command (`ops/bench libvirt`). Every image of ours is checked and compared with the guest's disk while it
stands still; what the peer has backed up is compared when it is restored. Both end durable: the peer forces nothing itself, so a `sync` of
its files is in its time. Ours has come to its end when the domain's backup job has ended and the checkpoint of before is deleted, too. The server has made
a hundred backups and restores before, as one that has run for some nights.

| case | peer in the same run | goal | wall, median | range | cpu, median | our seconds | rounds | | measured |
|---|---|---|---|---|---|---|---|---|---|
TEXT
  rows_of "Running guests of libvirt" | merge "$work/libvirt.new" 1
  cat <<'TEXT'

## Sizes, memory, start

| what | found | measured |
|---|---|---|
TEXT
  rows_of "Sizes, memory, start" | merge "$work/sizes.new" 1
  cat <<'TEXT'

## A server's own work

The server is a process of its own, asked over HTTP (`ops/bench server`).

| what | found | goal | | measured |
|---|---|---|---|---|
TEXT
  rows_of "A server's own work" | merge "$work/server.new" 1
  cat <<'TEXT'

## Queries over a long history

100,000 job executions of five partitions each, of 500 VMs; milliseconds, each query asked 100 times about one thing after another, pages one
behind the other (`ops/bench queries`). Rows with `GET` are answers over HTTP of a server in a process of its own. Goal: under 300 ms at the
95th percentile.

| database | query | median | 95th percentile | most | | measured |
|---|---|---|---|---|---|---|
TEXT
  rows_of "Queries over a long history" | merge "$work/queries.new" 2
} >"$work/page"
mv "$work/page" "$page"
echo "written: $page"
