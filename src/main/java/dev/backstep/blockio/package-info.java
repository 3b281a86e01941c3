/**
 * Bytes of block devices: bounds-checked ranges, block readers, extents, aligned buffers, direct
 * file access, forced atomic publishing. The only package that opens files for data.
 */
@NullMarked
package dev.backstep.blockio;

import org.jspecify.annotations.NullMarked;
