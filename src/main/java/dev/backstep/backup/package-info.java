/** The use cases without a framework: plan a level, copy extents, restore. */
@NullMarked
package dev.backstep.backup;

import org.jspecify.annotations.NullMarked;
