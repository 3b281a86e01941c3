/**
 * Job definitions: read strictly from YAML with every problem named at its line, written back as
 * JSON, found by file or VM name. Nothing here starts or schedules a job.
 */
@NullMarked
package dev.backstep.job.definition;

import org.jspecify.annotations.NullMarked;
