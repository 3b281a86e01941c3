/** The Batch job that deletes restore points that nothing keeps. */
@NullMarked
package dev.backstep.job.retention;

import org.jspecify.annotations.NullMarked;
