/** The program's entry point. */
@NullMarked
package dev.backstep;

import org.jspecify.annotations.NullMarked;
