/** Tests of the layout of a repository. */
@NullMarked
package dev.backstep.repository;

import org.jspecify.annotations.NullMarked;
