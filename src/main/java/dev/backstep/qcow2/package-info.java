/** The QCOW2 image format: header, tables, reader, writer, checker. Knows nothing of backups. */
@NullMarked
package dev.backstep.qcow2;

import org.jspecify.annotations.NullMarked;
