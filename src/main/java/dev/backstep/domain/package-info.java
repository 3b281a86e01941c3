/** Nouns and values of backing up virtual machines. No I/O, no framework. */
@NullMarked
package dev.backstep.domain;

import org.jspecify.annotations.NullMarked;
