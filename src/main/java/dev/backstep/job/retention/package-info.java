/** The Batch jobs that delete restore points that nothing keeps, and shorten chains. */
@NullMarked
package dev.backstep.job.retention;

import org.jspecify.annotations.NullMarked;
