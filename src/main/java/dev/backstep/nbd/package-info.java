/**
 * A client of the NBD protocol (fixed newstyle, structured replies). The only package that opens
 * sockets for data.
 */
@NullMarked
package dev.backstep.nbd;

import org.jspecify.annotations.NullMarked;
