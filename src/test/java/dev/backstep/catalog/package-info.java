/** The catalog, tried on both databases. */
@NullMarked
package dev.backstep.catalog;

import org.jspecify.annotations.NullMarked;
