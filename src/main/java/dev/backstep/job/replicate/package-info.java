/** The Batch job that brings standing targets to the moment of a snapshot. */
@NullMarked
package dev.backstep.job.replicate;

import org.jspecify.annotations.NullMarked;
