/**
 * The Batch jobs that find out whether what is stored can be relied on: verification of images,
 * check of a whole repository, and restore test.
 */
@NullMarked
package dev.backstep.job.verify;

import org.jspecify.annotations.NullMarked;
