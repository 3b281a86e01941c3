/** The rules of the house as tests: which package may use what, and what sources must look like. */
@NullMarked
package dev.backstep.architecture;

import org.jspecify.annotations.NullMarked;
