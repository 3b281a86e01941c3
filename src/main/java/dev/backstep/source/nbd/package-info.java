/** Disks that any NBD server exports. */
@NullMarked
package dev.backstep.source.nbd;

import org.jspecify.annotations.NullMarked;
