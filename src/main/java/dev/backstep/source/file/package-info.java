/**
 * Disks that are files or block devices and that nobody writes: qcow2 files with persistent dirty
 * bitmaps, raw files, devices. What sources of VMs that may be off have in common.
 */
@NullMarked
package dev.backstep.source.file;

import org.jspecify.annotations.NullMarked;
