/** The Batch job that copies restore points to another repository, and the retention there. */
@NullMarked
package dev.backstep.job.copy;

import org.jspecify.annotations.NullMarked;
