/** Backups of movers, with real exports and real tools that write through them. */
@NullMarked
package dev.backstep.job.external;

import org.jspecify.annotations.NullMarked;
