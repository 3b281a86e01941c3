/**
 * What a hypervisor offers to a backup: snapshots, changed extents, bytes. The implementations live
 * in sub-packages that do not know each other.
 */
@NullMarked
package dev.backstep.source;

import org.jspecify.annotations.NullMarked;
