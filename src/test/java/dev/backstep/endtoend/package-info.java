/** The whole program as operators run it: real processes, real disks, real kills. */
@NullMarked
package dev.backstep.endtoend;

import org.jspecify.annotations.NullMarked;
