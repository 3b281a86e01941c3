/** Virtual machines that are not running, their disks listed in the definition. */
@NullMarked
package dev.backstep.source.image;

import org.jspecify.annotations.NullMarked;
