/** The REST API: who may call, what was asked for, and answers that say what to do. */
@NullMarked
package dev.backstep.api;

import org.jspecify.annotations.NullMarked;
