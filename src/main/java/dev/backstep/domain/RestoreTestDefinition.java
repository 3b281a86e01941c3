package dev.backstep.domain;

import java.time.ZoneId;

/**
 * When a server boots a VM's newest restore point by itself, to see whether it lives.
 *
 * @param cron a Quartz cron expression
 * @param zone whose times it tells
 * @param boot how, and what the signs of life are
 */
public record RestoreTestDefinition(String cron, ZoneId zone, BootSettings boot) {}
