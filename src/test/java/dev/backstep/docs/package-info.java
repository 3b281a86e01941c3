/** The documentation compared with the program. */
@NullMarked
package dev.backstep.docs;

import org.jspecify.annotations.NullMarked;
