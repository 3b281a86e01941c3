/**
 * Disks of virtual machines that are not running: qcow2 files with persistent dirty bitmaps, raw
 * files, block devices.
 */
@NullMarked
package dev.backstep.source.image;

import org.jspecify.annotations.NullMarked;
