/**
 * Virtual machines of libvirt. A running one is read from a backup job in pull mode, one that is
 * off from its files; change ids are names of libvirt checkpoints in both cases.
 */
@NullMarked
package dev.backstep.source.libvirt;

import org.jspecify.annotations.NullMarked;
