/** What tests of several packages share: real tools and models of disks. */
@NullMarked
package dev.backstep.testing;

import org.jspecify.annotations.NullMarked;
