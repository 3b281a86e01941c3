package dev.backstep.job.external;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How movers are treated.
 *
 * @param externalSilence how long a mover may be silent before its backup fails and is cleared; 24
 *     hours unless set, at least a second
 */
@ConfigurationProperties("backstep.server")
record ExternalSettings(@DefaultValue("24h") Duration externalSilence) {

  private static final Duration LEAST = Duration.ofSeconds(1);

  ExternalSettings {
    if (externalSilence.compareTo(LEAST) < 0) {
      throw new IllegalArgumentException(
          "backstep.server.external-silence is "
              + externalSilence
              + ", accepted are durations of at least "
              + LEAST);
    }
  }
}
