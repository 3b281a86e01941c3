/** Commands of the command line, one class per verb, with exit codes, text and JSON. */
@NullMarked
package dev.backstep.cli;

import org.jspecify.annotations.NullMarked;
