package dev.backstep.api;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Streams of events.
 *
 * @param eventStreams how many may be open at once, 64 unless set, at least 2; one token may have
 *     half of them
 * @param eventInterval how often a backup is looked at for one; 1 second unless set, at least 100
 *     milliseconds
 * @param eventHeartbeat after how much silence a heart beat is sent; 15 seconds unless set, at
 *     least the interval
 */
@ConfigurationProperties("backstep.server")
record EventSettings(
    @DefaultValue("64") int eventStreams,
    @DefaultValue("1s") Duration eventInterval,
    @DefaultValue("15s") Duration eventHeartbeat) {

  private static final int STREAMS_LEAST = 2;
  private static final Duration INTERVAL_LEAST = Duration.ofMillis(100);

  EventSettings {
    if (eventStreams < STREAMS_LEAST) {
      throw wrong("event-streams", eventStreams, "numbers of at least " + STREAMS_LEAST);
    }
    if (eventInterval.compareTo(INTERVAL_LEAST) < 0) {
      throw wrong("event-interval", eventInterval, "durations of at least " + INTERVAL_LEAST);
    }
    if (eventHeartbeat.compareTo(eventInterval) < 0) {
      throw wrong("event-heartbeat", eventHeartbeat, "durations of at least " + eventInterval);
    }
  }

  private static IllegalArgumentException wrong(String name, Object value, String accepted) {
    return new IllegalArgumentException(
        "backstep.server." + name + " is " + value + ", accepted are " + accepted);
  }
}
