/** The Batch job that writes restore points to files, devices and exports. */
@NullMarked
package dev.backstep.job.restore;

import org.jspecify.annotations.NullMarked;
