package dev.backstep.domain;

import java.time.Duration;

/** How many restore points stay, per kind; 0 keeps none of that kind. */
public record RetentionDefinition(
    int last, int hourly, int daily, int weekly, int monthly, int yearly, Duration minAge) {}
