/**
 * Bytes that anybody may hand to us, chosen by a fuzzer: targets, and the replay of what it kept.
 */
@NullMarked
package dev.backstep.fuzz;

import org.jspecify.annotations.NullMarked;
