/** What {@code ops/bench} runs: the program beside the commands of the field, in turn. */
@NullMarked
package dev.backstep.bench;

import org.jspecify.annotations.NullMarked;
