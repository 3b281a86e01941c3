/** Tests of the NBD client: against real servers, and against one that lies. */
@NullMarked
package dev.backstep.nbd;

import org.jspecify.annotations.NullMarked;
