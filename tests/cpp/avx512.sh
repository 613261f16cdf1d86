#!/usr/bin/env bash
# The hashes of tests/cpp/hashes.txt on an emulated CPU with AVX-512, for machines that have none: Bochs boots Linux
# with the program as its first process. A few minutes on an idle core. On Debian:
#   apt-get install bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso cpio cmake g++
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill -9 "$(cat "$work/pid")" 2> /dev/null || true; rm -rf "$work"' EXIT

cmake -S . -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DSEALFRAME_TESTS=ON -DCMAKE_EXE_LINKER_FLAGS=-static > /dev/null
cmake --build "$work/build" --target hashes --parallel 2 > /dev/null
mkdir -p "$work/root/dev" "$work/disc/isolinux"
cp "$work/build/hashes" "$work/root/hashes"
cc -static -o "$work/root/init" -xc - << 'END'
#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>
#include <sys/wait.h>
int main(void) {
    setenv("SEALFRAME_ISA", "avx512", 1);
    if (fork() == 0) execl("/hashes", "/hashes", (char*)0);
    wait(NULL);
    puts("END");
    fflush(stdout);
    for (;;) pause();
}
END
mknod "$work/root/dev/console" c 5 1
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip) > "$work/disc/init.gz"

# A kernel without modules is enough: the cloud flavour has the serial line built in.
(cd "$work" && apt-get download "$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)" \
  > /dev/null 2>&1 && dpkg -x ./*.deb linux)
cp "$work"/linux/boot/vmlinuz-* "$work/disc/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/disc/isolinux/"
# Bochs 2.7 tells a wrong size for compacted state, so Linux is told to do without (xsavec, xsaves).
cat > "$work/disc/isolinux/isolinux.cfg" << 'END'
default linux
label linux
kernel /vmlinuz
append initrd=/init.gz console=ttyS0 mitigations=off tsc=reliable lpj=1000000 nosmp clearcpuid=321,323
END
xorriso -as mkisofs -quiet -o "$work/disc.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
  -boot-load-size 4 -boot-info-table "$work/disc" 2> /dev/null
cat > "$work/bochsrc" << END
megs: 512
cpu: model=corei7_skylake_x, ips=50000000, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
display_library: term
log: $work/log
END
echo c > "$work/continue"
TERM=xterm script -qc "echo \$\$ > $work/pid; exec bochs -q -f $work/bochsrc -rc $work/continue" /dev/null \
  > /dev/null 2>&1 < /dev/null &
for _ in $(seq 900); do
  sleep 2
  if grep -qa '^END' "$work/serial" 2> /dev/null; then break; fi
done
tr -d '\r' < "$work/serial" | grep -aE '^[a-z0-9_]+ [0-9a-f]{16}$' > "$work/found" || true
diff "$work/found" tests/cpp/hashes.txt && echo "$(wc -l < "$work/found") hashes on an emulated AVX-512: equal"
