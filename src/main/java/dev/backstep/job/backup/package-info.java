/** The backup job, to be read from its configuration downwards. */
@NullMarked
package dev.backstep.job.backup;

import org.jspecify.annotations.NullMarked;
