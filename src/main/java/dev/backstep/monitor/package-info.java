/** How the server is: health, and metrics as Prometheus collects them. */
@NullMarked
package dev.backstep.monitor;

import org.jspecify.annotations.NullMarked;
