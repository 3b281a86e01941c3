/**
 * Virtual machines of QEMU without libvirt, through a monitor socket (QMP): while they run by jobs
 * and bitmaps of QEMU's own, while they are off by their files where the definition names them.
 */
@NullMarked
package dev.backstep.source.qmp;

import org.jspecify.annotations.NullMarked;
