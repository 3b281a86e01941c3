/**
 * The relational memory: virtual machines, backups, disk backups, leases. The only package that
 * speaks SQL.
 */
@NullMarked
package dev.backstep.catalog;

import org.jspecify.annotations.NullMarked;
