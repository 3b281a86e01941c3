/** What the Batch jobs share: launching, recovering, leases, shutdown. */
@NullMarked
package dev.backstep.job;

import org.jspecify.annotations.NullMarked;
