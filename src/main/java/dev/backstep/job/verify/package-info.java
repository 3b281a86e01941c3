/** The Batch job that checks images: structure, then data by the checksums taken when writing. */
@NullMarked
package dev.backstep.job.verify;

import org.jspecify.annotations.NullMarked;
