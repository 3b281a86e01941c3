/**
 * Backups whose bytes another program copies: exports of images that are being filled, their
 * completion, movers that fall silent. Spring Batch takes no part in them.
 */
@NullMarked
package dev.backstep.job.external;

import org.jspecify.annotations.NullMarked;
