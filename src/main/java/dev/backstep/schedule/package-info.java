/**
 * Time: from job definitions to triggers, from triggers to backups that wait, from those to runs.
 */
@NullMarked
package dev.backstep.schedule;

import org.jspecify.annotations.NullMarked;
