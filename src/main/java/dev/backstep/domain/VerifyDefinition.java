package dev.backstep.domain;

import java.time.Duration;
import java.time.ZoneId;
import java.util.OptionalInt;

/**
 * When a server verifies a VM's images by itself. A round begins at each of the times.
 *
 * @param cron a Quartz cron expression
 * @param zone whose times it tells
 * @param newWithin an image is verified for the first time within this time
 * @param allWithin and then again within this time
 * @param share of the data of all images that a round verifies again, in percent at most; empty for
 *     as much as it takes, given the time between rounds
 */
public record VerifyDefinition(
    String cron, ZoneId zone, Duration newWithin, Duration allWithin, OptionalInt share) {}
