package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.SourceException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SnapshotCareTests {

  private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();

  /** It is away at first, as for the time of a restart. */
  private VsphereGateway gateway() {
    Class<VsphereGateway> type = VsphereGateway.class;
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              boolean first = asked.isEmpty();
              asked.add(method.getName());
              if (first) {
                throw new SourceException(SourceException.Kind.UNREACHABLE, "no answer");
              }
              return Instant.now();
            }));
  }

  @Test
  void sessionThatNobodyUsesIsKeptAliveUntilItIsClosed() throws Exception {
    SnapshotCare care = new SnapshotCare(gateway(), List.of(), Duration.ZERO);
    care.start();
    try (care) {
      for (int i = 0; i < 200 && asked.size() < 3; i++) {
        Thread.sleep(50);
      }
    }
    assertThat(asked).hasSizeGreaterThanOrEqualTo(3).containsOnly("now");

    asked.clear();
    assertThat(asked.poll(1500, TimeUnit.MILLISECONDS)).as("asked behind its end").isNull();
  }

  @Test
  void sessionIsLeftAloneAsLongAsItMayBeSilent() throws Exception {
    try (SnapshotCare care = new SnapshotCare(gateway(), List.of(), Duration.ofMinutes(1))) {
      care.start();
      assertThat(asked.poll(2500, TimeUnit.MILLISECONDS)).isNull();
    }
  }
}
