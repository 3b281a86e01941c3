#!/usr/bin/env bash
# Makes the kernel and the initial file system of a guest of one process from Debian packages:
#   make-guest.sh FOLDER  ->  FOLDER/vmlinuz, FOLDER/initrd.gz
# Quick when both are there. Needs the package lists, and a mirror or apt's cache for two packages.
set -euo pipefail
folder=$1
mkdir -p "$folder"
cd "$folder"
exec 9>lock
flock 9 # tests of several processes begin with this at once
[[ -s vmlinuz && -s initrd.gz ]] && exit 0
rm -rf work
mkdir work
cd work

# apt-get download leaves the package in the current folder.
fetch() {
  apt-get -q download "$1" >&2 || { echo "make-guest: cannot get the Debian package $1; is there a mirror? ops/setup refreshes the lists" >&2; exit 1; }
  mkdir "$2"
  dpkg-deb -x ./"${1//:/%3a}"_*.deb "$2"
}
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
[[ -n $kernel ]] || { echo "make-guest: apt knows no package linux-image-cloud-amd64; run apt-get update" >&2; exit 1; }
fetch "$kernel" kernel
fetch qemu-guest-agent agent

mkdir -p root/{bin,sbin,proc,sys,dev,tmp,run,m,mnt/a,mnt/b,mnt/c,etc,lib64,lib/x86_64-linux-gnu,var/run}
cp "$(command -v busybox)" root/bin/busybox
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_console; do
  find kernel/lib/modules -name "$module.ko" -exec cp {} root/m/ \;
done
cp agent/usr/sbin/qemu-ga root/sbin/
while read -r library; do
  cp -L "$library" root/lib/x86_64-linux-gnu/
done < <(ldd agent/usr/sbin/qemu-ga | grep -o '/lib[^ ]*' | grep -v ld-linux)
cp -L /lib64/ld-linux-x86-64.so.2 root/lib64/
cat >root/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# A module is loaded after those that it uses.
for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_console; do
  [ -f /m/$m.ko ] && insmod /m/$m.ko
done
for d in a b; do [ -b /dev/vd$d ] && mount -t ext4 /dev/vd$d /mnt/$d; done
port=
while [ -z "$port" ]; do
  port=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name 2>/dev/null)
  usleep 50000
done
qemu-ga -m virtio-serial -p /dev/$(basename $(dirname $port)) -t /tmp -d -f /tmp/qga.pid -l /tmp/qga.log
echo GUEST-READY >/dev/ttyS0
while true; do sleep 1000; done
INIT
chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet | gzip -1) >../initrd.gz.part
cp kernel/boot/vmlinuz-* ../vmlinuz
mv ../initrd.gz.part ../initrd.gz
cd ..
rm -rf work
