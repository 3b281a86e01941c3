/**
 * VMs of VMware vCenter and ESXi: a small client for the Web Services API (vim25), snapshots with
 * change tracking, and bytes through {@code nbdkit vddk}. No other package speaks to a vCenter.
 */
@NullMarked
package dev.backstep.source.vsphere;

import org.jspecify.annotations.NullMarked;
